import { expect, test } from 'vitest'

import { HttpError, TransloadError } from './errors.ts'

test('an error is recognised by its brand and its code', () => {
  const error = new HttpError('DENIED', 'no', { status: 403, serverCodes: ['DENIED'], hint: 'log in' })
  expect(TransloadError.is(error)).toBe(true)
  expect(TransloadError.is(error, 'DENIED')).toBe(true)
  expect(TransloadError.is(error, 'IO')).toBe(false)
  expect(error).toMatchObject({
    name: 'HttpError',
    status: 403,
    serverCodes: ['DENIED'],
    hint: 'log in',
    retryable: false,
  })
})

test('an error of another copy of this package is recognised', () => {
  const foreign = Object.assign(new Error('from elsewhere'), { code: 'IO', [Symbol.for('transload.error')]: true })
  expect(TransloadError.is(foreign, 'IO')).toBe(true)
})

test.each([[new Error('plain')], ['text'], [undefined], [{ code: 'IO' }]])('%o is none of ours', (value) => {
  expect(TransloadError.is(value)).toBe(false)
})

test('the brand is not shown when an error is printed', () => {
  expect(Object.keys(new TransloadError('IO', 'text')).toSorted()).toEqual(['code', 'hint', 'name', 'retryable'])
  expect(Reflect.ownKeys(Object.assign({}, new TransloadError('IO', 'text')))).not.toContain(
    Symbol.for('transload.error'),
  )
})
