import { digestOf, mediaTypes } from '@transload/contract'
import type { TransferEvent } from '@transload/core'
import { expect, it } from 'vitest'

import { imageByImage } from './image-by-image.ts'

const image = digestOf(Buffer.from('image'))

function announced(index: number, layers: readonly string[], config: string): TransferEvent {
  const blobs = [
    ...layers.map((name) => ({ role: 'layer', digest: digestOf(Buffer.from(name)) }) as const),
    { role: 'config', digest: digestOf(Buffer.from(config)) } as const,
  ]
  return { type: 'image', digest: image, index, count: 2, blobs }
}

function blob(name: string, state: 'started' | 'copied' | 'reused', role: 'layer' | 'config' = 'layer'): TransferEvent {
  const digest = digestOf(Buffer.from(name))
  return { type: 'blob', state, role, blob: { mediaType: mediaTypes.ociLayer, digest, size: 1 }, bytes: 0 }
}

const planned: TransferEvent = { type: 'planned', images: 2, blobs: 5, bytes: 5, listed: 2 }
const manifest: TransferEvent = { type: 'manifest', digest: image, root: true, list: true }

function inTurn(events: readonly TransferEvent[]): TransferEvent[] {
  const told: TransferEvent[] = []
  const sink = imageByImage((event) => told.push(event))
  for (const event of events) sink(event)
  return told
}

it('tells of each image with all its blobs, also those that came with one before', () => {
  const first = announced(0, ['shared', 'a'], 'config a')
  const second = announced(1, ['shared', 'b'], 'config b')
  expect(
    inTurn([
      planned,
      first,
      blob('shared', 'started'),
      blob('a', 'started'),
      blob('config a', 'started', 'config'),
      second,
      blob('b', 'started'),
      blob('config b', 'started', 'config'),
      blob('b', 'copied'),
      blob('config a', 'copied', 'config'),
      blob('a', 'copied'),
      blob('shared', 'reused'),
      blob('config b', 'copied', 'config'),
      manifest,
    ]),
  ).toEqual([
    planned,
    first,
    blob('shared', 'started'),
    blob('a', 'started'),
    blob('a', 'copied'),
    blob('shared', 'reused'),
    blob('config a', 'copied', 'config'),
    second,
    blob('shared', 'reused'),
    blob('b', 'copied'),
    blob('config b', 'started', 'config'),
    blob('config b', 'copied', 'config'),
    manifest,
  ])
})

it('tells of what happens in the image whose turn it is at once', () => {
  const first = announced(0, ['a'], 'config')
  expect(inTurn([planned, first, blob('a', 'started')])).toEqual([planned, first, blob('a', 'started')])
})

it('begins anew when the copy does', () => {
  const events = [planned, announced(0, ['a'], 'config'), blob('a', 'started')]
  expect(inTurn([...events, ...events])).toEqual([...events, ...events])
})
