import { HttpError, TransloadError } from '@transload/contract'
import { TransferError } from '@transload/core'
import { describe, expect, it } from 'vitest'

import { exitCode, reportedCode } from './exit-code.ts'

const unknown = new HttpError('MANIFEST_UNKNOWN', 'manifest unknown', {
  status: 404,
  serverCodes: ['MANIFEST_UNKNOWN'],
})

describe('exitCode', () => {
  it.each<[string, unknown, number]>([
    ['a registry that does not know the manifest', unknown, 2],
    ['the same inside other errors', new TransferError('source', 'plan', 'initializing source x', unknown), 2],
    [
      'a layout without the reference',
      new TransloadError('MANIFEST_UNKNOWN', 'no descriptor found for reference "x"'),
      2,
    ],
    ['a missing file', new TransloadError('MANIFEST_UNKNOWN', 'open /x: no such file or directory'), 1],
    ['a 404 without a code', new HttpError('MANIFEST_UNKNOWN', 'StatusCode: 404', { status: 404 }), 1],
    ['an unknown repository', new HttpError('NAME_UNKNOWN', 'x', { status: 404, serverCodes: ['NAME_UNKNOWN'] }), 1],
    ['anything else', new Error('x'), 1],
    ['no error at all', 'x', 1],
  ])('of %s', (_, error, code) => {
    expect(exitCode(error)).toBe(code)
  })

  it('does not run in circles', () => {
    const error = new Error('x')
    error.cause = error
    expect(exitCode(error)).toBe(1)
  })
})

describe('reportedCode', () => {
  it.each<[unknown, string]>([
    [new TransloadError('USAGE', 'x'), 'USAGE'],
    [Object.assign(new Error('x'), { code: 'ENOSPC' }), 'IO'],
    [new TypeError('x'), 'UNKNOWN'],
  ])('of %s', (error, code) => {
    expect(reportedCode(error)).toBe(code)
  })
})
