import {
  mediaTypes,
  parseManifest,
  type DestinationTraits,
  type RawManifest,
  type Signer,
  type SignatureWriter,
  type StoredSignature,
} from '@transload/contract'
import {
  fixtureArtifact,
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  foreignLayer,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { CopyPlan } from './copy-plan.ts'
import type { IndexManifest } from './index-tree.ts'
import type { PlanDestination, PlanOptions } from './plan-manifest.ts'
import { planCopy } from './plan.ts'
import type { ImageManifest, SelectedImage, SelectedImages } from './select-images.ts'

const signature: StoredSignature = { kind: 'simple', bytes: Buffer.from('signed') }
const writer: SignatureWriter = { replace: () => Promise.resolve() }

const registryTraits: DestinationTraits = {
  manifestTypes: [mediaTypes.ociManifest, mediaTypes.dockerManifest, mediaTypes.ociIndex, mediaTypes.dockerList],
  layers: 'compressed',
  multiImage: true,
  keepsForeignLayers: true,
}
const ociTraits: DestinationTraits = {
  anyManifestTypeOnRequest: true,
  manifestTypes: [mediaTypes.ociManifest, mediaTypes.ociIndex],
  layers: 'compressed',
  multiImage: true,
}
const archiveTraits: DestinationTraits = { manifestTypes: [mediaTypes.dockerManifest], layers: 'uncompressed' }

const defaults: PlanOptions = {
  images: 'all',
  format: undefined,
  preserveDigests: false,
  removeSignatures: false,
  signers: [],
  signIdentity: undefined,
  layers: undefined,
  compressionFormat: undefined,
  encryptor: undefined,
  encryptLayers: [],
  decryptor: undefined,
}

function selectImage(raw: RawManifest, signatures: readonly StoredSignature[] = []): SelectedImage {
  const manifest = parseManifest(raw) as ImageManifest
  return { raw, manifest, signatures, layers: manifest.layers }
}

function selected(fixture: FixtureImage, signatures: readonly StoredSignature[] = []): SelectedImages {
  const { root, children } = fixture
  if (children.length === 0) return { source: 'test:from', root, images: [selectImage(root, signatures)] }
  const manifest = parseManifest(root) as IndexManifest
  const images = children.map((child, position) =>
    Object.assign(selectImage(child), { entry: { path: [position], descriptor: manifest.manifests[position]! } }),
  )
  return {
    source: 'test:from',
    root,
    index: { raw: root, manifest, signatures, nested: [], listed: children.length },
    images,
  }
}

function destination(
  traits: DestinationTraits,
  more: Partial<PlanDestination> & { name?: string } = {},
): PlanDestination {
  const { name, ...rest } = more
  return { reference: { scheme: 'test', text: 'to', policyScopes: [], ...(name ? { name } : {}) }, traits, ...rest }
}

function plan(
  fixture: FixtureImage,
  traits: DestinationTraits,
  options: Partial<PlanOptions> = {},
  more: { readonly signatures?: readonly StoredSignature[]; readonly to?: Parameters<typeof destination>[1] } = {},
): CopyPlan {
  return planCopy(selected(fixture, more.signatures), destination(traits, more.to), { ...defaults, ...options })
}

const edits = ({ images }: CopyPlan): string[][] => images.map(({ layers }) => layers.map(({ edit }) => edit))
const oci = fixtureImage()
const docker = fixtureImage({ format: 'docker' })
const mixed = (format: 'oci' | 'docker'): FixtureImage =>
  fixtureImage({ format, layers: [fixtureLayer('a', 'none'), fixtureLayer('b', 'gzip'), fixtureLayer('c', 'zstd')] })

describe('manifest type', () => {
  it.each([
    ['keeps what the destination takes', docker, registryTraits, {}, mediaTypes.dockerManifest],
    ['keeps anything where nothing is said', oci, {}, {}, mediaTypes.ociManifest],
    ['converts Docker for a layout', docker, ociTraits, {}, mediaTypes.ociManifest],
    ['converts OCI for docker save', oci, archiveTraits, {}, mediaTypes.dockerManifest],
    ['obeys a format', docker, registryTraits, { format: 'oci' }, mediaTypes.ociManifest],
    ['obeys the other format', oci, {}, { format: 'docker' }, mediaTypes.dockerManifest],
    [
      'ignores a format when digests are preserved',
      oci,
      {},
      { format: 'docker', preserveDigests: true },
      mediaTypes.ociManifest,
    ],
    ['obeys one a layout would not choose', oci, ociTraits, { format: 'docker' }, mediaTypes.dockerManifest],
    ['keeps digests in a layout', docker, ociTraits, { preserveDigests: true }, mediaTypes.dockerManifest],
    ['is OCI for zstd', docker, registryTraits, { compressionFormat: 'zstd' }, mediaTypes.ociManifest],
  ] as const)('%s', (_, image, traits, options, type) => {
    expect(plan(image, traits, options).images[0]!.mediaType).toBe(type)
  })

  it.each([
    [
      'a type that cannot be had',
      oci,
      archiveTraits,
      { preserveDigests: true },
      /must be converted.*cannot modify it: "Instructed to preserve digests"$/,
    ],
    ['a format the destination does not take', oci, archiveTraits, { format: 'oci' }, /^Unsupported manifest type/],
    [
      'zstd in a Docker manifest',
      oci,
      registryTraits,
      { format: 'docker', compressionFormat: 'zstd' },
      /^compression using zstd required together with format/,
    ],
    [
      'zstd where only Docker is taken',
      oci,
      { ...archiveTraits, layers: 'compressed' },
      { compressionFormat: 'zstd' },
      /^compression using zstd required but the destination only supports MIME types/,
    ],
    [
      'conversion of zstd layers',
      mixed('oci'),
      registryTraits,
      { format: 'docker' },
      /^creating an updated image manifest: Error during .* zstd compression is not officially supported for docker images$/,
    ],
    [
      'conversion of an artifact',
      fixtureArtifact(),
      archiveTraits,
      {},
      /^creating an updated image manifest: unsupported image-specific operation on artifact with type "application\/vnd.transload.fixture"$/,
    ],
  ] as const)('refuses %s', (_, image, traits, options, message) => {
    expect(() => plan(image, traits, options)).toThrow(
      expect.objectContaining({ code: 'CONVERSION_IMPOSSIBLE', message: expect.stringMatching(message) }),
    )
  })

  it('rewrites the config from Docker to OCI only', () => {
    expect(plan(docker, ociTraits).images[0]!.config!.edit).toBe('convert')
    expect(plan(oci, archiveTraits).images[0]!.config!.edit).toBe('none')
    expect(plan(docker, registryTraits).images[0]!.config!.edit).toBe('none')
  })
})

describe('layers', () => {
  it.each([
    ['as they are', {}, {}, ['none', 'none', 'none']],
    ['compressed where they are not', ociTraits, {}, ['gzip', 'none', 'none']],
    ['all gzip, if gzip is said', ociTraits, { compressionFormat: 'gzip' }, ['gzip', 'none', 'gzip']],
    ['all zstd, if zstd is said', ociTraits, { compressionFormat: 'zstd' }, ['zstd', 'zstd', 'none']],
    ['uncompressed for docker save', archiveTraits, {}, ['none', 'decompress', 'decompress']],
    ['as the options say', registryTraits, { layers: 'uncompressed' }, ['none', 'decompress', 'decompress']],
    [
      'as they are when a format is said but nothing is compressed',
      {},
      { compressionFormat: 'gzip' },
      ['none', 'none', 'none'],
    ],
    ['as they are when digests are preserved', ociTraits, { preserveDigests: true }, ['none', 'none', 'none']],
  ] as const)('are %s', (_, traits, options, expected) => {
    expect(edits(plan(mixed('oci'), traits, options))).toEqual([expected])
  })

  it('of an artifact are left alone', () => {
    expect(edits(plan(fixtureArtifact(), ociTraits, { compressionFormat: 'zstd' }))).toEqual([['none']])
  })

  it('at foreign URLs stay there if the destination leaves them', () => {
    const image = fixtureImage({ layers: [fixtureLayer('a'), foreignLayer()] })
    expect(edits(plan(image, registryTraits))).toEqual([['none', 'skip']])
    expect(edits(plan(image, ociTraits))).toEqual([['none', 'none']])
  })

  it('the source has in another encoding make a new manifest necessary', () => {
    const { root, images } = selected(oci)
    const layers = [parseManifest(docker.root)].flatMap((manifest) =>
      manifest.kind === 'image' ? manifest.layers : [],
    )
    const other = { source: 'test:from', root, images: [{ ...images[0]!, layers: layers.toReversed() }] }
    expect(planCopy(other, destination(registryTraits), defaults).images[0]!.replacesLayers).toBe(true)
    expect(() => planCopy(other, destination(registryTraits), { ...defaults, preserveDigests: true })).toThrow(
      'would require changing layer representation, which we cannot do: "Instructed to preserve digests"',
    )
  })
})

describe('signatures', () => {
  it('are carried, and forbid any change', () => {
    const { images } = plan(
      mixed('oci'),
      registryTraits,
      { format: 'docker' },
      { signatures: [signature], to: { signatures: writer } },
    )
    expect(images[0]).toMatchObject({
      unmodifiable: 'Would invalidate signatures',
      mediaType: mediaTypes.ociManifest,
      signatures: { fate: 'carry', count: 1 },
      layers: [{ edit: 'none' }, { edit: 'none' }, { edit: 'none' }],
    })
  })

  it('that the destination cannot hold are an error', () => {
    expect(() => plan(oci, ociTraits, {}, { signatures: [signature] })).toThrow(
      expect.objectContaining({
        code: 'SIGNATURES_LOST',
        message: 'Can not copy signatures to test:to: Storing signatures for test: images is not supported',
      }),
    )
  })

  it('cannot be held for a reason of the destination', () => {
    const traits = { ...ociTraits, noSignaturesReason: 'Pushing signatures for OCI images is not supported' }
    expect(() => plan(oci, traits, {}, { signatures: [signature] })).toThrow(
      'Can not copy signatures to test:to: Pushing signatures for OCI images is not supported',
    )
  })

  it('can be dropped', () => {
    expect(plan(oci, ociTraits, { removeSignatures: true }).images[0]!.signatures).toEqual({ fate: 'drop', count: 0 })
  })

  const onlyOci: DestinationTraits = { manifestTypes: [mediaTypes.ociManifest] }

  it('that rule out a conversion are named as the reason', () => {
    expect(() => plan(docker, onlyOci, {}, { signatures: [signature], to: { signatures: writer } })).toThrow(
      expect.objectContaining({
        code: 'CONVERSION_IMPOSSIBLE',
        message: expect.stringMatching(/cannot modify it: "Would invalidate signatures"$/),
        hint: 'To copy without the signatures use --remove-signatures.',
      }),
    )
  })

  it('of an index pin its images', () => {
    const index = fixtureIndex('oci', 'none')
    const signed = plan(index, registryTraits, {}, { signatures: [signature], to: { signatures: writer } })
    expect(signed.images.every(({ unmodifiable }) => unmodifiable === 'Would invalidate signatures')).toBe(true)
    expect(edits(signed).flat()).not.toContain('gzip')
  })
})

const name = (digest: string): { name: string } => ({ name: `localhost/repository@${digest}` })

describe('a destination named by a digest', () => {
  it('takes the image of that digest, unmodified', () => {
    const { images } = plan(mixed('oci'), registryTraits, {}, { to: name(mixed('oci').root.digest) })
    expect(images[0]).toMatchObject({
      unmodifiable: 'Destination specifies a digest',
      layers: [{ edit: 'none' }, {}, {}],
    })
  })

  it('takes an image chosen from the index of that digest', () => {
    const { root, images } = selected(fixtureIndex())
    const one = { source: 'test:from', root, images: [images[0]!] }
    const to = destination(registryTraits, name(root.digest))
    expect(planCopy(one, to, defaults).images).toHaveLength(1)
  })

  it('takes nothing else', () => {
    expect(() => plan(oci, registryTraits, {}, { to: name(docker.root.digest) })).toThrow(
      expect.objectContaining({
        code: 'DIGEST_MISMATCH',
        message: "Digest of source image's manifest would not match destination reference",
      }),
    )
  })
})

describe('an index', () => {
  it.each([
    ['is kept', 'docker', registryTraits, {}, mediaTypes.dockerList],
    ['is converted with its images', 'docker', ociTraits, {}, mediaTypes.ociIndex],
    ['obeys a format', 'oci', { multiImage: true }, { format: 'docker' }, mediaTypes.dockerList],
    ['obeys one a layout would not choose', 'oci', ociTraits, { format: 'docker' }, mediaTypes.dockerList],
  ] as const)('%s', (_, format, traits, options, type) => {
    const { index, images } = plan(fixtureIndex(format), traits, options)
    expect(index).toMatchObject({ mediaType: type, listed: 3 })
    expect(images.map(({ path }) => path)).toEqual([[0], [1], [2]])
  })

  it('that must not change is not converted', () => {
    expect(() => plan(fixtureIndex('docker'), ociTraits, { preserveDigests: true })).toThrow(
      `Manifest list must be converted to type "${mediaTypes.ociIndex}" to be written to destination, ` +
        `but we cannot modify it: "Instructed to preserve digests"`,
    )
  })

  it('says which of its images cannot be copied', () => {
    expect(() => plan(fixtureIndex('oci', 'zstd'), registryTraits, { format: 'docker' })).toThrow(
      /^copying image 1\/3 from manifest list: creating an updated image manifest: Error during manifest conversion: /,
    )
  })
})

it('is JSON, naming both ends', () => {
  const made = plan(fixtureIndex(), registryTraits)
  expect(JSON.parse(JSON.stringify(made))).toEqual(made)
  expect(made).toMatchObject({ source: 'test:from', destination: 'test:to' })
})

const signer = (makes: Signer['makes']): Signer => ({
  method: 'test',
  makes,
  sign: () => Promise.reject(new Error('nothing is signed for a plan')),
  [Symbol.asyncDispose]: () => Promise.resolve(),
})

describe('signing', () => {
  const simple = { signers: [signer('simple')] }

  it('names the image as the destination does', () => {
    const to = { name: 'example.com/app:1', signatures: writer }
    expect(plan(oci, registryTraits, simple, { to })).toMatchObject({
      signIdentity: 'example.com/app:1',
      images: [{ signatures: { fate: 'none', count: 0, added: 1 } }],
    })
    expect(plan(oci, registryTraits, {}, { to })).not.toHaveProperty('signIdentity')
  })

  it.each<[string, PlanOptions['signers'], string | undefined, Parameters<typeof destination>[1], string]>([
    [
      'nothing to call the image',
      simple.signers,
      undefined,
      { signatures: writer },
      'Cannot determine canonical Docker reference for destination test:to',
    ],
    [
      'a name without a tag',
      simple.signers,
      'example.com/app',
      { signatures: writer },
      'Sign identity must be a fully specified reference example.com/app',
    ],
    [
      'no place for signatures',
      simple.signers,
      'example.com/app:1',
      {},
      'writing signatures: Storing signatures for test: images is not supported',
    ],
    [
      'no place for bundles',
      [signer('bundle')],
      'example.com/app:1',
      { signatures: writer },
      'writing signatures: Storing referrers for test: images is not supported',
    ],
  ])('is ruled out with %s', (_, signers, signIdentity, to, message) => {
    expect(() => plan(oci, registryTraits, { signers, signIdentity }, { to })).toThrow(message)
  })
})
