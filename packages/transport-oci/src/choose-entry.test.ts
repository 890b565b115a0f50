import { digestOf, mediaTypes } from '@transload/contract'
import { emptyOciIndex, refNameAnnotation, type OciIndexEntry } from '@transload/formats'
import { describe, expect, it } from 'vitest'

import { chooseEntry } from './choose-entry.ts'
import { parseOciReference } from './reference.ts'

const unnamed = entry('unnamed')
const first = entry('first', 'v1')
const second = entry('second', 'v1')
const docker = { ...entry('docker', 'docker'), mediaType: mediaTypes.dockerManifest }
const odd = { ...entry('odd', 'odd'), mediaType: 'application/x-odd' }
const all = [unnamed, first, second, docker, odd]

describe('chooseEntry', () => {
  it.each([
    ['the only one', 'd', [odd], odd],
    ['a position', 'd:@4', all, odd],
    ['the first of a name', 'd:v1', all, first],
    ['a Docker manifest', 'd:docker', all, docker],
  ])('finds %s', (_, text, manifests, expected) => {
    expect(chooseEntry({ ...emptyOciIndex, manifests }, parseOciReference(text, '/'))).toBe(expected)
  })

  it.each([
    ['d:v2', all, 'MANIFEST_UNKNOWN', 'no descriptor found for reference "v2"'],
    ['d', [], 'MANIFEST_UNKNOWN', 'no image in oci, its index is empty'],
    ['d', all, 'REFERENCE_INVALID', 'more than one image in oci, choose an image'],
    ['d:@5', all, 'REFERENCE_INVALID', 'index 5 is too large, only 5 entries available'],
    ['d:odd', all, 'MANIFEST_INVALID', 'reference "odd" matches unsupported manifest MIME types ["application/x-odd"]'],
  ])('%s of %#', (text, manifests, code, message) => {
    expect(() => chooseEntry({ ...emptyOciIndex, manifests }, parseOciReference(text, '/'))).toThrow(
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
