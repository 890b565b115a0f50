import { digestOf, mediaTypes } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import {
  emptyOciIndex,
  encodeOciIndex,
  parseOciIndex,
  refNameAnnotation,
  withManifest,
  type OciIndexEntry,
} from './oci-index.ts'

const a = descriptorOf('a')
const b = descriptorOf('b')

describe('withManifest', () => {
  it('takes the name from the entry that had it, and nothing else', () => {
    const annotations = { [refNameAnnotation]: 'v1', other: 'kept' }
    const index = { ...emptyOciIndex, manifests: [{ ...a, annotations }] }
    expect(withManifest(index, b, 'v1').manifests).toEqual([{ ...a, annotations: { other: 'kept' } }, named(b, 'v1')])
  })

  it.each([
    ['a name for an unnamed entry of the digest', [a, b], a, 'v1', [named(a, 'v1'), b]],
    ['an unnamed entry again', [a, b], b, undefined, [a, b]],
    ['a digest under a second name', [named(a, 'v1')], a, 'v2', [named(a, 'v1'), named(a, 'v2')]],
    ['the same again', [named(a, 'v1')], a, 'v1', [named(a, 'v1')]],
    ['an unnamed entry beside a named one', [named(a, 'v1')], a, undefined, [named(a, 'v1'), a]],
    [
      'the first of two entries with the name',
      [named(a, 'v1'), named(b, 'v1')],
      b,
      'v1',
      [a, named(b, 'v1'), named(b, 'v1')],
    ],
  ])('adds %s', (_, manifests, manifest, name, expected) => {
    expect(withManifest({ ...emptyOciIndex, manifests }, manifest, name).manifests).toEqual(expected)
  })
})

describe('parseOciIndex', () => {
  it('keeps what it does not know, in its order', () => {
    const text = `{"x":[1],"manifests":[{"platform":{"os":"linux","architecture":"arm","os.version":"9"},"size":1,"digest":"${a.digest}","mediaType":"m","data":"AA=="}],"schemaVersion":2}`
    expect(Buffer.from(encodeOciIndex(parseOciIndex(Buffer.from(text), 'f'))).toString()).toBe(text)
  })

  it('takes a missing or null list as empty', () => {
    expect(parseOciIndex(Buffer.from('{"schemaVersion":2,"manifests":null}'), 'f').manifests).toEqual([])
  })

  it.each([
    ['{', 'f is not valid JSON'],
    ['{"schemaVersion":1}', 'f is not an OCI image index'],
    ['{"schemaVersion":2,"manifests":{}}', 'f is not an OCI image index'],
    ['{"schemaVersion":2,"manifests":[1]}', 'manifests[0] of f is missing or not a descriptor'],
    [
      '{"schemaVersion":2,"manifests":[{"digest":"sha256:../x","size":1}]}',
      'manifests[0] of f: invalid digest "sha256:../x"',
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parseOciIndex(Buffer.from(text), 'f')).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID', message }),
    )
  })
})

function descriptorOf(content: string): OciIndexEntry {
  const bytes = Buffer.from(content)
  return { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length }
}

function named(descriptor: OciIndexEntry, name: string): OciIndexEntry {
  return { ...descriptor, annotations: { [refNameAnnotation]: name } }
}
