import { digestOf, mediaTypes, type Descriptor } from '@transload/contract'
import { refNameOf, type OciIndexEntry } from '@transload/formats'
import { describe, expect, test } from 'vitest'

import {
  addManifest,
  readCatalog,
  removeManifest,
  removeTag,
  repositoryAnnotation,
  tagManifest,
  type CatalogEdit,
} from './catalog.ts'

const [one, two] = ['one', 'two'].map((text): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(Buffer.from(text)),
  size: 3,
})) as [Descriptor, Descriptor]
const app = 'team/app'

function edited(edits: readonly CatalogEdit[], entries: readonly OciIndexEntry[] = []): OciIndexEntry[] {
  const list = [...entries]
  for (const edit of edits) edit(list, 'main')
  return list
}

/** Each entry as `REF.NAME=which (REPOSITORY)`. */
function shown(entries: readonly OciIndexEntry[]): string[] {
  return entries.map((entry) => {
    const which = entry.digest === one.digest ? 'one' : 'two'
    return `${refNameOf(entry) ?? ''}=${which} (${entry.annotations?.[repositoryAnnotation] ?? ''})`
  })
}

function named(manifest: Descriptor, refName: string): OciIndexEntry {
  return { ...manifest, annotations: { 'org.opencontainers.image.ref.name': refName } }
}

describe('edits', () => {
  test.for<[string, CatalogEdit[], OciIndexEntry[], string[]]>([
    ['a tag', [tagManifest({ repository: app, tag: 'v1' }, one)], [], ['team/app:v1=one (team/app)']],
    [
      'a tag that moves leaves its manifest',
      [tagManifest({ repository: app, tag: 'v1' }, one), tagManifest({ repository: app, tag: 'v1' }, two)],
      [],
      ['=one (team/app)', 'team/app:v1=two (team/app)'],
    ],
    [
      'a tag that moves back takes up the entry without a name',
      [
        tagManifest({ repository: app, tag: 'v1' }, one),
        tagManifest({ repository: app, tag: 'v1' }, two),
        tagManifest({ repository: app, tag: 'v1' }, one),
      ],
      [],
      ['team/app:v1=one (team/app)', '=two (team/app)'],
    ],
    [
      'a second tag is a second entry',
      [tagManifest({ repository: app, tag: 'v1' }, one), tagManifest({ repository: app, tag: 'v2' }, one)],
      [],
      ['team/app:v1=one (team/app)', 'team/app:v2=one (team/app)'],
    ],
    [
      'pushed by digest, then tagged',
      [addManifest(app, one), addManifest(app, one), tagManifest({ repository: app, tag: 'v1' }, one)],
      [],
      ['team/app:v1=one (team/app)'],
    ],
    [
      'the same manifest in two repositories',
      [addManifest(app, one), addManifest('other', one)],
      [],
      ['=one (team/app)', '=one (other)'],
    ],
    [
      'a bare name stays bare',
      [tagManifest({ repository: 'main', tag: 'v1' }, two)],
      [named(one, 'v1')],
      ['=one (main)', 'v1=two (main)'],
    ],
    ['a tag removed', [removeTag({ repository: app, tag: 'v1' })], [named(one, 'team/app:v1')], ['=one (team/app)']],
    [
      'one of two tags removed',
      [removeTag({ repository: app, tag: 'v1' })],
      [named(one, 'team/app:v1'), named(one, 'team/app:v2')],
      ['team/app:v2=one ()'],
    ],
    [
      'a manifest removed with its tags, in its repository only',
      [removeManifest(app, one.digest)],
      [named(one, 'team/app:v1'), named(two, 'team/app:v2'), named(one, 'team/app:v3'), named(one, 'other:v1')],
      ['team/app:v2=two ()', 'other:v1=one ()'],
    ],
    [
      'what is not there cannot be removed',
      [removeTag({ repository: app, tag: 'v9' }), removeManifest(app, two.digest)],
      [named(one, 'team/app:v1')],
      ['team/app:v1=one ()'],
    ],
  ])('%s', ([, edits, before, after]) => {
    expect(shown(edited(edits, before))).toEqual(after)
  })

  test('unknown members of an entry survive', () => {
    const entry = { ...named(one, 'team/app:v1'), custom: 1 }
    expect(edited([removeTag({ repository: app, tag: 'v1' })], [entry])[0]).toMatchObject({ custom: 1 })
  })
})

test('entries belong to the repository of their name, of their annotation, or to the default one', () => {
  const manifests = [
    named(one, 'team/app:v1'),
    named(two, 'team/app:v1'),
    named(two, 'v2'),
    { ...one, annotations: { [repositoryAnnotation]: 'other' } },
    { ...one },
    named(one, 'Not/Valid:v1'),
  ]
  const catalog = readCatalog({ schemaVersion: 2, manifests }, 'main')
  expect(
    [...catalog.values()].map(({ name, tags, manifests: listed }) => [
      name,
      [...tags].map(([tag, { digest }]) => [tag, digest]),
      [...listed.keys()],
    ]),
  ).toEqual([
    ['team/app', [['v1', one.digest]], [one.digest, two.digest]],
    ['main', [['v2', two.digest]], [two.digest, one.digest]],
    ['other', [], [one.digest]],
  ])
})
