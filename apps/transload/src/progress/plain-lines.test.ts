import { digestOf, mediaTypes, type Digest } from '@transload/contract'
import type { TransferEvent } from '@transload/core'
import { describe, expect, it } from 'vitest'

import { plainLines, type LineStyle } from './plain-lines.ts'

const a = digestOf(Buffer.from('a'))
const b = digestOf(Buffer.from('b'))

function blob(digest: Digest, state: 'started' | 'moving' | 'copied' | 'reused', role: 'layer' | 'config' = 'layer') {
  const stored = state === 'copied' || state === 'reused' ? { stored: digest } : {}
  const descriptor = { mediaType: mediaTypes.ociLayer, digest, size: 1 }
  return { type: 'blob', state, role, blob: descriptor, bytes: 0, ...stored } as const
}

function image(digest: Digest, index: number, count: number, layers: readonly Digest[]): TransferEvent {
  return { type: 'image', digest, index, count, blobs: layers.map((layer) => ({ role: 'layer', digest: layer })) }
}

function linesOf(events: readonly TransferEvent[], style: Partial<LineStyle> = {}): string[] {
  const lines: string[] = []
  const sink = plainLines((line) => lines.push(line.trimEnd()), {
    copiesList: false,
    removesSignatures: false,
    ...style,
  })
  for (const event of events) sink(event)
  return lines
}

const single: readonly TransferEvent[] = [
  { type: 'planned', images: 1, blobs: 2, bytes: 2 },
  image(a, 0, 1, [a]),
  blob(a, 'started'),
  blob(a, 'moving'),
  blob(a, 'copied'),
  blob(b, 'reused', 'config'),
  { type: 'manifest', digest: a, root: true, list: false },
  { type: 'done', digest: a },
]

describe('plainLines', () => {
  it('tells of a single image', () => {
    expect(linesOf(single)).toEqual([
      'Getting image source signatures',
      `Copying blob ${a}`,
      `Copying config ${b}`,
      'Writing manifest to image destination',
    ])
  })

  it('tells everything again when the copy is tried again', () => {
    expect(linesOf([...single.slice(0, 4), ...single])).toEqual([...linesOf(single).slice(0, 2), ...linesOf(single)])
  })

  it('does not speak of signatures that are removed', () => {
    expect(linesOf(single, { removesSignatures: true })[0]).toBe(`Copying blob ${a}`)
  })

  it('tells of a list, each image with its own blobs', () => {
    const events: readonly TransferEvent[] = [
      { type: 'planned', images: 2, blobs: 1, bytes: 2, listed: 3 },
      image(a, 0, 2, [b]),
      blob(b, 'started'),
      image(b, 1, 2, [b, b]),
      blob(b, 'reused'),
      { type: 'manifest', digest: a, root: false, list: false },
      { type: 'manifest', digest: b, root: false, list: false },
      { type: 'manifest', digest: a, root: true, list: true },
      { type: 'signatures', digest: a, root: true, list: true, count: 0 },
    ]
    expect(linesOf(events, { copiesList: true })).toEqual([
      'Getting image list signatures',
      'Copying 2 images generated from 3 images in list',
      `Copying image ${a} (1/2)`,
      'Getting image source signatures',
      `Copying blob ${b}`,
      'Writing manifest to image destination',
      `Copying image ${b} (2/2)`,
      'Getting image source signatures',
      `Copying blob ${b}`,
      `Copying blob ${b}`,
      'Writing manifest to image destination',
      'Writing manifest list to image destination',
      'Storing list signatures',
    ])
  })

  it('tells of what refers to the image, and that it was found', () => {
    const events: readonly TransferEvent[] = [
      { type: 'referrer', digest: b, subject: a, tags: [], index: 0, count: 2 },
      { type: 'referrer', digest: b, tags: ['x.sig', 'y.sig'], index: 1, count: 2 },
      { type: 'verified', referrers: 2 },
    ]
    expect(linesOf(events)).toEqual([
      `Copying referrer ${b} (1/2)`,
      'Copying referrer x.sig, y.sig (2/2)',
      'Found all 2 referrers at the destination',
    ])
  })

  it('tells of signatures carried over and made', () => {
    const role = { digest: a, root: true, list: false }
    const signed: readonly TransferEvent[] = [
      { type: 'planned', images: 1, blobs: 0, bytes: 0, signatures: 1, signers: ['simple signing', 'magic'] },
      { type: 'image', digest: a, index: 0, count: 1, signatures: 1, blobs: [] },
      { type: 'manifest', ...role },
      { type: 'signing', ...role, method: 'simple signing', index: 0, count: 2 },
      { type: 'signing', ...role, method: 'magic', index: 1, count: 2 },
      { type: 'signatures', ...role, count: 3 },
    ]
    expect(linesOf(signed)).toEqual([
      'Getting image source signatures',
      'Checking if image destination supports signatures',
      'Writing manifest to image destination',
      'Creating signature 1: Signing image using simple signing',
      'Creating signature 2: Signing image using magic',
      'Storing signatures',
    ])
  })

  it('tells of the signatures of a list where skopeo makes them', () => {
    const list = { digest: a, root: true, list: true }
    const member = { digest: b, root: false, list: false }
    const method = 'simple signing'
    const events: readonly TransferEvent[] = [
      { type: 'planned', images: 2, blobs: 0, bytes: 0, listed: 2, signatures: 1, signers: [method] },
      { type: 'image', digest: b, index: 0, count: 2, signatures: 1, blobs: [] },
      image(b, 1, 2, []),
      { type: 'manifest', ...member },
      { type: 'manifest', ...list },
      { type: 'signing', ...member, method, index: 0, count: 1 },
      { type: 'signing', ...list, method, index: 0, count: 1 },
      { type: 'signatures', ...member, count: 2 },
      { type: 'signatures', ...list, count: 2 },
    ]
    const imageEnd = [
      'Writing manifest to image destination',
      'Creating signature: Signing image using simple signing',
      'Storing signatures',
    ]
    expect(linesOf(events, { copiesList: true })).toEqual([
      'Getting image list signatures',
      'Checking if image list destination supports signatures',
      'Copying 2 images generated from 2 images in list',
      `Copying image ${b} (1/2)`,
      'Getting image source signatures',
      'Checking if image destination supports signatures',
      ...imageEnd,
      `Copying image ${b} (2/2)`,
      'Getting image source signatures',
      ...imageEnd,
      'Writing manifest list to image destination',
      'Creating signature: Signing image using simple signing',
      'Storing list signatures',
    ])
  })

  it('names a config that was converted as it is at the destination', () => {
    expect(linesOf([{ ...blob(a, 'copied', 'config'), stored: b }])).toEqual([`Copying config ${b}`])
  })

  it('tells of an image chosen from a list as of any other', () => {
    const events: readonly TransferEvent[] = [
      { type: 'planned', images: 1, blobs: 0, bytes: 0, listed: 3 },
      image(a, 0, 1, []),
    ]
    expect(linesOf(events)).toEqual(['Getting image source signatures'])
  })
})
