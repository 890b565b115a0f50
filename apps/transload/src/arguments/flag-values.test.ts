import { describe, expect, it } from 'vitest'

import { parseBool, parseDuration, parseInteger, parseUnsigned, splitCsvRecord } from './flag-values.ts'

describe('parseBool', () => {
  it.each(['1', 't', 'T', 'TRUE', 'true', 'True'])('reads %s as true', (text) => {
    expect(parseBool(text, '--x')).toBe(true)
  })

  it.each(['0', 'f', 'F', 'FALSE', 'false', 'False'])('reads %s as false', (text) => {
    expect(parseBool(text, '--x')).toBe(false)
  })

  it('refuses anything else in the words of Go', () => {
    expect(() => parseBool('maybe', '-a, --all')).toThrow(
      'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    )
  })
})

describe('parseInteger', () => {
  it.each([
    ['12', 12],
    ['-3', -3],
    ['+3', 3],
    ['0x10', 16],
    ['0b101', 5],
    ['0o17', 15],
    ['017', 15],
    ['1_000', 1000],
    ['0', 0],
  ])('reads %s', (text, value) => {
    expect(parseInteger(text, '--n')).toBe(value)
  })

  it.each(['', 'x', '1.5', '1e3', '0x', '_1', '1__0', '09', '--1'])('refuses %j', (text) => {
    expect(() => parseInteger(text, '--n')).toThrow('strconv.ParseInt: parsing')
  })

  it('says when a number is too large', () => {
    expect(() => parseInteger('99999999999999999999', '--n')).toThrow('value out of range')
  })
})

describe('parseUnsigned', () => {
  it('reads 6', () => {
    expect(parseUnsigned('6', '--n')).toBe(6)
  })

  it('refuses a sign', () => {
    expect(() => parseUnsigned('-1', '--n')).toThrow('strconv.ParseUint: parsing "-1": invalid syntax')
  })
})

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['1s', 1000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['250ms', 250],
    ['10us', 0.01],
    ['10µs', 0.01],
    ['1ns', 1e-6],
    ['-2s', -2000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text, '--d')).toBeCloseTo(ms, 9)
  })

  it.each([
    ['5', 'time: missing unit in duration "5"'],
    ['5x', 'time: unknown unit "x" in duration "5x"'],
    ['x', 'time: invalid duration "x"'],
    ['', 'time: invalid duration ""'],
    ['1s2', 'time: missing unit in duration "1s2"'],
  ])('refuses %j', (text, problem) => {
    expect(() => parseDuration(text, '--d')).toThrow(problem)
  })
})

describe('splitCsvRecord', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    ['a,', ['a', '']],
    ['"a,b",c', ['a,b', 'c']],
    ['"a""b"', ['a"b']],
    ['"",x', ['', 'x']],
  ])('splits %j', (text, fields) => {
    expect(splitCsvRecord(text, '--tag')).toEqual(fields)
  })

  it.each([
    ['a"b,c', 'parse error on line 1, column 2: bare " in non-quoted-field'],
    ['"a', 'extraneous or missing " in quoted-field'],
    ['"a"b', 'extraneous or missing " in quoted-field'],
  ])('refuses %j', (text, problem) => {
    expect(() => splitCsvRecord(text, '--tag')).toThrow(problem)
  })
})
