import { digestOf, mediaTypes, type Digest } from '@transload/contract'
import { expect, test } from 'vitest'

import { cosignSaved, isCosignCompanion, withCosignKinds } from './cosign-layout.ts'
import { emptyOciIndex, withManifest, type OciIndex, type OciIndexEntry } from './oci-index.ts'

const [image, other, signature, attestation] = ['image', 'other', 'signature', 'attestation'].map((name) =>
  digestOf(Buffer.from(name)),
) as [Digest, Digest, Digest, Digest]

test('what cosign saved is found by the tag it had', () => {
  const saved = indexOf(
    entry(image, { kind: 'dev.cosignproject.cosign/imageIndex' }),
    entry(signature, { kind: 'dev.cosignproject.cosign/sigs' }),
    entry(attestation, { kind: 'dev.cosignproject.cosign/atts' }),
  )
  expect(cosignSaved(saved, tag(image, 'sig'))?.digest).toBe(signature)
  expect(cosignSaved(saved, tag(image, 'att'))?.digest).toBe(attestation)
  expect(['sbom', 'constructor'].map((suffix) => cosignSaved(saved, tag(image, suffix)))).toEqual([
    undefined,
    undefined,
  ])
  expect(cosignSaved(saved, tag(other, 'sig'))).toBeUndefined()
  expect(cosignSaved(indexOf(entry(image)), tag(image, 'sig'))).toBeUndefined()
  expect(saved.manifests.map(isCosignCompanion)).toEqual([false, true, true])
})

test('an image is marked with what is named after it, and what was marked before is not', () => {
  const formerly = entry(other, { kind: 'dev.cosignproject.cosign/sigs' })
  const named = [entry(image, { a: 'b' }), formerly, entry(attestation, refName(tag(image, 'att')))]
  const marked = withCosignKinds(withManifest(indexOf(...named), entry(signature), tag(image, 'sig')), image)
  expect(marked.manifests.map(({ annotations }) => annotations)).toEqual([
    { a: 'b', kind: 'dev.cosignproject.cosign/image' },
    undefined,
    { ...refName(tag(image, 'att')), kind: 'dev.cosignproject.cosign/atts' },
    { ...refName(tag(image, 'sig')), kind: 'dev.cosignproject.cosign/sigs' },
  ])
  expect(withCosignKinds(marked, image)).toEqual(marked)
  expect(cosignSaved(marked, tag(image, 'sig'))?.digest).toBe(signature)
})

test('nothing is marked where there is nothing to load, or another image has it already', () => {
  const alone = indexOf(entry(image), entry(signature, refName(tag(other, 'sig'))))
  expect(withCosignKinds(alone, image)).toBe(alone)
  const taken = indexOf(
    entry(other, { kind: 'dev.cosignproject.cosign/image' }),
    entry(image),
    entry(signature, refName(tag(image, 'sig'))),
  )
  expect(withCosignKinds(taken, image)).toBe(taken)
})

function entry(digest: Digest, annotations?: Readonly<Record<string, string>>): OciIndexEntry {
  return { mediaType: mediaTypes.ociManifest, digest, size: 1, ...(annotations ? { annotations } : {}) }
}

function refName(name: string): Record<string, string> {
  return { 'org.opencontainers.image.ref.name': name }
}

function indexOf(...manifests: readonly OciIndexEntry[]): OciIndex {
  return { ...emptyOciIndex, manifests }
}

function tag(digest: Digest, suffix: string): string {
  return `${digest.replace(':', '-')}.${suffix}`
}
