import assert from 'node:assert/strict'

import { TransloadError } from '@transload/contract'

import { SkippedCheck, type TransportCheck } from '../check.ts'
import { rejection } from './rejection.ts'

export const referenceChecks: readonly TransportCheck[] = [
  {
    name: 'a reference is plain data, and its text parses to an equal one',
    async run(bench) {
      const { transport, directory } = bench
      const reference = await bench.newReference()
      assert.equal(reference.scheme, transport.scheme)
      assert.deepEqual(transport.parse(reference.text, directory), reference)
      assert.deepEqual(JSON.parse(JSON.stringify(reference)), reference, 'a reference survives JSON')
      assert.ok(Array.isArray(reference.policyScopes), 'policyScopes is a list')
    },
  },
  {
    name: 'an invalid reference throws REFERENCE_INVALID',
    async run({ subject, transport, directory }) {
      const texts = subject.invalidReferences ?? ['']
      if (texts.length === 0) throw new SkippedCheck('every text is a valid reference')
      for (const text of texts) {
        assert.throws(
          () => transport.parse(text, directory),
          (error) => TransloadError.is(error, 'REFERENCE_INVALID'),
          `${JSON.stringify(text)} is refused with REFERENCE_INVALID`,
        )
      }
    },
  },
  {
    name: 'an absent image is MANIFEST_UNKNOWN',
    async run(bench) {
      const error = await rejection(bench.openSource(await bench.newReference()), 'openSource of an absent image')
      assert.ok(TransloadError.is(error, 'MANIFEST_UNKNOWN'), `expected MANIFEST_UNKNOWN, not ${String(error)}`)
    },
  },
]
