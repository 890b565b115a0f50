import { describe, expect, it, test } from 'vitest'

import { digestOf } from './digest.ts'
import { parseManifest, rawManifest } from './manifest.ts'
import { mediaTypes } from './media-types.ts'

const [a, b, c] = ['a', 'b', 'c'].map((id) => id.repeat(64)) as [string, string, string]
const blobs = [1, 2, 3].map((number) => digestOf(Buffer.from([number])))

interface Entry {
  readonly id?: unknown
  readonly parent?: string
  readonly throwaway?: boolean
}

/** Entries newest first, each with a blob of its own. */
function manifest(entries: readonly Entry[], members: object = {}): Uint8Array {
  const fsLayers = entries.map((_, index) => ({ blobSum: blobs[index] }))
  const history = entries.map((entry) => ({ v1Compatibility: JSON.stringify(entry) }))
  const content = { schemaVersion: 1, name: 'x/y', tag: 'v1', architecture: 'amd64', fsLayers, history, ...members }
  return Buffer.from(JSON.stringify(content))
}

function parse(bytes: Uint8Array): unknown {
  return parseManifest(rawManifest(bytes))
}

test('a schema 1 manifest is read base first', () => {
  const entries = [{ id: b, parent: a, throwaway: true }, { id: a }]
  expect(parse(manifest(entries))).toEqual({
    kind: 'schema1',
    name: 'x/y',
    tag: 'v1',
    architecture: 'amd64',
    layers: [
      { digest: blobs[1], isThrowaway: false, v1Compatibility: JSON.stringify(entries[1]) },
      { digest: blobs[0], isThrowaway: true, v1Compatibility: JSON.stringify(entries[0]) },
    ],
  })
})

test('of neighbours with the same ID the older is kept', () => {
  expect(parse(manifest([{ id: b, parent: a }, { id: a }, { id: a }]))).toMatchObject({
    layers: [{ digest: blobs[2] }, { digest: blobs[0] }],
  })
})

test.each([mediaTypes.dockerSchema1Signed, 'application/json', 'text/plain', undefined])(
  'it is known for what it is under the type %s',
  (mediaType) => {
    expect(rawManifest(manifest([{ id: a }]), mediaType).mediaType).toBe(mediaTypes.dockerSchema1)
  },
)

describe('refused is', () => {
  it.each<[string, Uint8Array, string]>([
    ['another number of layers', manifest([{ id: a }], { fsLayers: [] }), 'length of history not equal to number of'],
    ['no layer', manifest([]), 'no FSLayers in manifest'],
    ['a list that is none', manifest([{ id: a }], { history: {} }), 'history is not a list'],
    ['no digest', manifest([{ id: a }], { fsLayers: [{}] }), 'fsLayers[0]: invalid digest undefined'],
    ['a null', manifest([{ id: a }], { fsLayers: [null] }), 'fsLayers[0]: invalid digest'],
    ['no configuration', manifest([{ id: a }], { history: [{}] }), 'history entry 0: no v1Compatibility'],
    ['no JSON', manifest([{ id: a }], { history: [{ v1Compatibility: '{' }] }), 'is not valid JSON'],
    ['an odd ID', manifest([{ id: a.toUpperCase() }]), 'image ID'],
    ['no ID', manifest([{}]), 'image ID "" is invalid'],
    ['a number for an ID', manifest([{ id: 1 }]), 'id is not a string'],
    ['a parent of the base', manifest([{ id: a, parent: b }]), 'Invalid parent ID in the base layer of the image'],
    ['a wrong parent', manifest([{ id: b, parent: c }, { id: a }]), `Invalid parent ID. Expected ${a}, got "${c}"`],
    ['an ID again', manifest([{ id: a, parent: b }, { id: b, parent: a }, { id: a }]), 'appears multiple times'],
  ])('%s', (_, bytes, problem) => {
    expect(() => parse(bytes)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID', message: expect.stringContaining(problem) }),
    )
  })
})
