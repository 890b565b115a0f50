import { copyFile, mkdir, readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { TransloadError } from './errors.ts'
import { errorMessage, systemErrorCode, systemErrorText } from './system-error.ts'

test('a system error has its errno name', async () => {
  const error = await readFile(new URL('no-such-file', import.meta.url)).catch((reason: unknown) => reason)
  expect(systemErrorCode(error)).toBe('ENOENT')
  expect(systemErrorCode(new TransloadError('EXISTS', 'ours'))).toBeUndefined()
  expect(systemErrorCode(new TypeError('no code'))).toBeUndefined()
})

test.each([
  ['what is missing', () => readFile('/nowhere/at/all'), 'open /nowhere/at/all: no such file or directory'],
  ['what is no directory', () => mkdir('/dev/null/x'), 'mkdir /dev/null/x: not a directory'],
  ['a long name', () => readFile(`/${'x'.repeat(300)}`), `open /${'x'.repeat(300)}: file name too long`],
  ['both ends', () => copyFile('/dev/null', '/nowhere/x'), 'copyfile /dev/null /nowhere/x: no such file or directory'],
  ['a read, which does not say of what', () => readFile('/'), 'is a directory'],
])('puts errors of the system as Go does: %s', async (_name, fail, message) => {
  const error = await fail().catch((reason: unknown) => reason)
  expect(errorMessage(error)).toBe(message)
  expect(message.endsWith(systemErrorText(error))).toBe(true)
})

test('leaves messages of other errors alone', () => {
  expect(errorMessage(new TransloadError('EXISTS', 'ours'))).toBe('ours')
  expect(systemErrorText(new TypeError('wrong: x, y'))).toBe('wrong: x, y')
  expect(errorMessage('text')).toBe('text')
})

test('knows an error without words by its name', () => {
  expect(errorMessage(Object.assign(new Error(), { code: 'EWEIRD' }))).toBe('EWEIRD')
})
