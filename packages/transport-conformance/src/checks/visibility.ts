import assert from 'node:assert/strict'

import { TransloadError, type ImageReference } from '@transload/contract'

import { SkippedCheck, type CheckBench, type TransportCheck } from '../check.ts'
import { storeImage, writeImage } from '../fixtures/store-image.ts'
import { rejection } from './rejection.ts'
import { acceptedImage, assertHolds, storeAt } from './stored-image.ts'

export const visibilityChecks: readonly TransportCheck[] = [
  {
    name: 'nothing is visible before commit, everything after',
    async run(bench) {
      const image = await acceptedImage(bench, 'committed')
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      await assertAbsent(bench, reference, 'after openDestination')
      await writeImage(destination, image)
      await assertAbsent(bench, reference, 'before commit')
      await destination.commit()
      await destination[Symbol.asyncDispose]()
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
  {
    name: 'disposing without commit leaves nothing under the reference',
    async run(bench) {
      const image = await acceptedImage(bench, 'abandoned')
      const reference = await bench.newReference()
      const destination = await bench.openDestination(reference)
      await writeImage(destination, image)
      await destination[Symbol.asyncDispose]()
      await assertAbsent(bench, reference, 'after dispose without commit')
      await storeAt(bench, reference, image)
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
  {
    name: 'an abandoned overwrite leaves the former image, a committed one replaces it',
    async run(bench) {
      const [former, next] = [await acceptedImage(bench, 'former'), await acceptedImage(bench, 'next')]
      const reference = await bench.newReference()
      await storeAt(bench, reference, former)
      try {
        const abandoned = await bench.openDestination(reference)
        await writeImage(abandoned, next)
        await abandoned[Symbol.asyncDispose]()
      } catch (error) {
        if (!TransloadError.is(error, 'DESTINATION_EXISTS')) throw error
        await assertHolds(bench, await bench.openSource(reference), former)
        throw new SkippedCheck('refuses to overwrite (DESTINATION_EXISTS)')
      }
      await assertHolds(bench, await bench.openSource(reference), former)
      await storeAt(bench, reference, next)
      await assertHolds(bench, await bench.openSource(reference), next)
    },
  },
  {
    name: 'disposing twice is quiet',
    async run(bench) {
      const image = await acceptedImage(bench, 'disposed')
      const reference = await bench.newReference()
      const abandoned = await bench.openDestination(reference)
      await abandoned[Symbol.asyncDispose]()
      await abandoned[Symbol.asyncDispose]()
      const destination = await bench.openDestination(reference)
      await storeImage(destination, image)
      await destination[Symbol.asyncDispose]()
      await destination[Symbol.asyncDispose]()
      const source = await bench.openSource(reference)
      await source[Symbol.asyncDispose]()
      await source[Symbol.asyncDispose]()
      await assertHolds(bench, await bench.openSource(reference), image)
    },
  },
]

async function assertAbsent(bench: CheckBench, reference: ImageReference, when: string): Promise<void> {
  const error = await rejection(bench.openSource(reference), `openSource ${when}`)
  assert.ok(TransloadError.is(error, 'MANIFEST_UNKNOWN'), `expected MANIFEST_UNKNOWN ${when}, not ${String(error)}`)
}
