import { digestOf, mediaTypes } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { chooseOciEntry } from './choose-oci-entry.ts'
import { emptyOciIndex, refNameAnnotation, type OciIndexEntry } from './oci-index.ts'

const unnamed = entry('unnamed')
const first = entry('first', 'v1')
const second = entry('second', 'v1')
const docker = { ...entry('docker', 'docker'), mediaType: mediaTypes.dockerManifest }
const odd = { ...entry('odd', 'odd'), mediaType: 'application/x-odd' }
const all = [unnamed, first, second, docker, odd]

describe('chooseOciEntry', () => {
  it.each([
    ['the only one', {}, [odd], odd],
    ['a position', { position: 4 }, all, odd],
    ['the first of a name', { image: 'v1' }, all, first],
    ['a Docker manifest', { image: 'docker' }, all, docker],
  ])('finds %s', (_, choice, manifests, expected) => {
    expect(chooseOciEntry({ ...emptyOciIndex, manifests }, choice)).toBe(expected)
  })

  it.each([
    [{ image: 'v2' }, all, 'MANIFEST_UNKNOWN', 'no descriptor found for reference "v2"'],
    [{}, [], 'MANIFEST_UNKNOWN', 'no image in oci, its index is empty'],
    [{}, all, 'REFERENCE_INVALID', 'more than one image in oci, choose an image'],
    [{ position: 5 }, all, 'REFERENCE_INVALID', 'index 5 is too large, only 5 entries available'],
    [
      { image: 'odd' },
      all,
      'MANIFEST_INVALID',
      'reference "odd" matches unsupported manifest MIME types ["application/x-odd"]',
    ],
  ])('%s of %#', (choice, manifests, code, message) => {
    expect(() => chooseOciEntry({ ...emptyOciIndex, manifests }, choice)).toThrow(
      expect.objectContaining({ code, message }),
    )
  })
})

function entry(content: string, name?: string): OciIndexEntry {
  return {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(Buffer.from(content)),
    size: content.length,
    ...(name === undefined ? {} : { annotations: { [refNameAnnotation]: name } }),
  }
}
