import { readFile } from 'node:fs/promises'

import { TransloadError } from '@transload/contract'
import { expect, it } from 'vitest'

import { errorMessage, prefixError } from './system-error.ts'

it('puts errors of the system as Go does', async () => {
  const error = await readFile('/nowhere/at/all').catch((caught: unknown) => caught)
  expect(errorMessage(error)).toBe('open /nowhere/at/all: no such file or directory')
})

it('says what is wrong when the system does not say with what', async () => {
  const error = await readFile('/').catch((caught: unknown) => caught)
  expect(errorMessage(error)).toBe('is a directory')
})

it('keeps code, hint and cause behind a prefix', () => {
  const cause = new TransloadError('DENIED', 'no', { hint: 'ask', retryable: true })
  expect(prefixError('reading', cause)).toMatchObject({
    code: 'DENIED',
    message: 'reading: no',
    hint: 'ask',
    retryable: true,
    cause,
  })
})

it('makes IO of what is not ours', () => {
  expect(prefixError('x', new Error('y'))).toMatchObject({ code: 'IO', message: 'x: y' })
})
