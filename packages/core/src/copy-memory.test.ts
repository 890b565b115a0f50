import type { Transport } from '@transload/contract'
import { fixtureImage, patternLayer, streamedLayer } from '@transload/transport-conformance/fixtures'
import { expect, it } from 'vitest'

import { copyImage } from './copy.ts'

const mebibyte = 1024 * 1024

it('moves a large layer without holding it', async () => {
  const layer = await streamedLayer(() => patternLayer(256 * mebibyte))
  const { root, blobs } = fixtureImage({ layers: [layer] })
  const before = process.memoryUsage.rss()
  let most = before
  const transport: Transport = {
    scheme: 'stream',
    parse: (text) => ({ scheme: 'stream', text, policyScopes: [] }),
    openSource: async (reference) => ({
      reference,
      readManifest: async () => root,
      readBlob: ({ digest }) => blobs.find(({ descriptor }) => descriptor.digest === digest)!.open(),
      [Symbol.asyncDispose]: async () => undefined,
    }),
    openDestination: async (reference) => ({
      reference,
      traits: {},
      writeBlob: async ({ body }) => {
        for await (const chunk of body) if (chunk.length > 0) most = Math.max(most, process.memoryUsage.rss())
      },
      writeManifest: async () => undefined,
      commit: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }),
  }
  const located = { transport, reference: transport.parse('large', '/') }
  const { blobs: moved } = await copyImage(located, located)
  expect(moved.bytes).toBeGreaterThan(256 * mebibyte)
  expect(most - before).toBeLessThan(64 * mebibyte)
})
