import { TransloadError } from '@transload/contract'
import { expect, it } from 'vitest'

import { prefixError } from './prefix-error.ts'

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
