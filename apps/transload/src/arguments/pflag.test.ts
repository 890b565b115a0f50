import { describe, expect, it } from 'vitest'

import { boolFlag, stringFlag } from './flag.ts'
import { commandIndex, normalizeArguments } from './pflag.ts'

const options = [
  boolFlag('all', '', { short: 'a' }),
  boolFlag('quiet', '', { short: 'q' }),
  boolFlag('src-tls-verify', ''),
  boolFlag('no-creds', ''),
  stringFlag('format', '', { short: 'f', placeholder: 'USER[:PASS]' }),
]

describe('normalizeArguments', () => {
  it.each([
    ['a value behind a space', ['--format', 'oci'], ['--format=oci']],
    ['a value behind =', ['--format=oci'], ['--format=oci']],
    ['an empty value', ['--format='], ['--format=']],
    ['a value that looks like a flag', ['--format', '--all'], ['--format=--all']],
    ['a letter and a value', ['-f', 'oci'], ['--format=oci']],
    ['a letter with its value', ['-foci'], ['--format=oci']],
    ['a letter, =, a value', ['-f=oci'], ['--format=oci']],
    ['a bare boolean', ['--all'], ['--all=true']],
    ['a boolean with a value', ['--src-tls-verify=false'], ['--src-tls-verify=false']],
    ['a flag that begins with no', ['--no-creds'], ['--no-creds=true']],
    ['letters together', ['-qaf', 'oci'], ['--quiet=true', '--all=true', '--format=oci']],
    ['a letter with a boolean', ['-q=false'], ['--quiet=false']],
    ['repeats', ['--all', '--all=false'], ['--all=true', '--all=false']],
  ])('reads %s', (_, words, flags) => {
    expect(normalizeArguments(words, options)).toEqual({ flags, positionals: [] })
  })

  it('mixes flags and positionals', () => {
    expect(normalizeArguments(['one', '--all', 'two', '-q', 'three'], options)).toEqual({
      flags: ['--all=true', '--quiet=true'],
      positionals: ['one', 'two', 'three'],
    })
  })

  it('never takes the word behind a boolean', () => {
    expect(normalizeArguments(['--src-tls-verify', 'false'], options).positionals).toEqual(['false'])
  })

  it('takes everything behind -- as it is', () => {
    expect(normalizeArguments(['--', '--all', '--', '-x'], options).positionals).toEqual(['--all', '--', '-x'])
  })

  it('takes a lone dash for a positional', () => {
    expect(normalizeArguments(['-'], options).positionals).toEqual(['-'])
  })

  it.each([
    [['--bogus'], 'unknown flag: --bogus'],
    [['--fo', 'x'], 'unknown flag: --fo'],
    [['--bogus=x'], 'unknown flag: --bogus'],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['-qx'], "unknown shorthand flag: 'x' in -x"],
    [['--format'], 'flag needs an argument: --format'],
    [['-f'], "flag needs an argument: 'f' in -f"],
    [['---x'], 'bad flag syntax: ---x'],
    [['--=x'], 'bad flag syntax: --=x'],
  ])('refuses %j', (words, problem) => {
    expect(() => normalizeArguments(words, options)).toThrow(problem)
  })
})

describe('commandIndex', () => {
  it.each([
    [['copy', 'a', 'b'], 0],
    [['--all', 'copy'], 1],
    [['--format', 'copy', 'inspect'], 2],
    [['--format=x', 'inspect'], 1],
    [['-f', 'x', 'inspect'], 2],
    [['-q', 'inspect'], 1],
    [['--unknown', 'inspect', 'x'], 2],
    [['--', 'inspect'], undefined],
    [['--all'], undefined],
    [[], undefined],
  ])('finds the command in %j', (words, index) => {
    expect(commandIndex(words, options)).toBe(index)
  })
})
