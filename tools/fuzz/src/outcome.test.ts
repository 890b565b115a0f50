import { expect, test } from 'vitest'

import { bytesLike, fc, jsonLike, outcome, textLike } from './index.ts'

test('a value, and a code, come back; what is no coded error is thrown on', () => {
  const coded = Object.assign(new Error('no'), { code: 'X', [Symbol.for('transload.error')]: true })
  expect(outcome(() => 1)).toEqual({ value: 1 })
  expect(
    outcome(() => {
      throw coded
    }),
  ).toEqual({ code: 'X' })
  expect(() => outcome(() => null!['x'])).toThrow(TypeError)
})

test('inputs are the samples and other things', () => {
  const inputs = new Set(fc.sample(textLike(['a/b:c', 'd@e']), { numRuns: 300, seed: 1 }))
  expect(inputs.has('a/b:c') && inputs.has('d@e')).toBe(true)
  expect(inputs.size).toBeGreaterThan(150)
})

test('JSON is changed in its parts and stays JSON, most of the time', () => {
  const inputs = fc.sample(jsonLike([{ a: [1, 2], b: { c: 'd' } }]), { numRuns: 300, seed: 1 })
  const parsed = inputs.filter((input) => isJson(input))
  expect(parsed.length).toBeGreaterThan(200)
  expect(parsed.length).toBeLessThan(300)
  expect(new Set(inputs).size).toBeGreaterThan(100)
})

test('bytes beyond ASCII survive', () => {
  const inputs = fc.sample(bytesLike([Uint8Array.of(0xff, 0x00, 0x80)]), { numRuns: 100, seed: 1 })
  expect(inputs.some((input) => Buffer.from(input).equals(Uint8Array.of(0xff, 0x00, 0x80)))).toBe(true)
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
