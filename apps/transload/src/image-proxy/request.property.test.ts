import { fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { digestArgument, imageNameArgument, numberArgument, parseRequest, soleArgument } from './request.ts'

const digest = `sha256:${'a1'.repeat(32)}`
const requests = [
  { method: 'Initialize', args: [] },
  { method: 'OpenImage', args: ['docker://a/b:c'] },
  { method: 'GetBlob', args: [1, digest, 12] },
  { method: 'FinishPipe', args: [7] },
]

test('a request is refused with a code, or is read', () => {
  fc.assert(
    fc.property(jsonLike(requests), (text) => {
      const request = outcome(() => parseRequest(Buffer.from(text)))
      expect('code' in request ? request.code : typeof request.value.method).toBe(
        'code' in request ? 'USAGE' : 'string',
      )
      for (const argument of 'value' in request ? request.value.args : []) {
        const name = outcome(() => imageNameArgument(soleArgument([argument])))
        const number = outcome(() => numberArgument(argument))
        const blob = outcome(() => digestArgument(argument))
        for (const read of [name, number]) if ('code' in read) expect(read.code).toBe('USAGE')
        if ('code' in blob) expect(['USAGE', 'REFERENCE_INVALID']).toContain(blob.code)
        if ('value' in number) expect(number.value).toSatisfy(Number.isInteger)
      }
    }),
  )
})
