import {
  TransloadError,
  type Digest,
  type ImageReference,
  type Policy,
  type SignatureRequirement,
  type StoredSignature,
  type Transport,
  type TrustPolicy,
  type Verifier,
} from '@transload/contract'
import {
  fixtureImage,
  fixtureIndex,
  indexOf,
  memoryTransport,
  nestedIndex,
  storeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { CopyOptions } from './copy-options.ts'
import { copyImage } from './copy.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { Located } from './plugin-registry.ts'
import { createTrustPolicy } from './trust/trust-policy.ts'

const open = { cache: createMemoryBlobInfoCache(), tempDirectory: '/tmp', log: () => undefined }

type Signed = Readonly<Record<Digest, readonly StoredSignature[]>>

/** In a place that has it under the name `r.test/app:1`. */
async function stored(image: FixtureImage, signed: Signed = {}): Promise<Located> {
  const transport = memoryTransport()
  const reference = { ...transport.parse('source', '/'), name: 'r.test/app:1' }
  await using destination = await transport.openDestination!(reference, open)
  for (const [digest, signatures] of Object.entries(signed)) {
    await destination.signatures!.replace(digest as Digest, signatures)
  }
  await storeImage(destination, image)
  return { transport, reference }
}

/** A place to copy to, and whether anybody has opened it. */
function place(): Located & { readonly opened: readonly ImageReference[] } {
  const real = memoryTransport()
  const opened: ImageReference[] = []
  const transport: Transport = {
    ...real,
    openDestination: async (reference, options) => {
      opened.push(reference)
      return await real.openDestination!(reference, options)
    },
  }
  return { transport, reference: transport.parse('copy', '/'), opened }
}

function signatureOf(manifest: Digest): StoredSignature {
  return { kind: 'simple', bytes: Buffer.from(manifest) }
}

const broken: StoredSignature = { kind: 'simple', bytes: Buffer.from('broken') }

/** Believes a signature that is the digest of a manifest. */
const verifier: Verifier = {
  verify: async (signature) => {
    const manifest = Buffer.from(signature.kind === 'simple' ? signature.bytes : []).toString()
    if (manifest === 'broken') throw new TransloadError('SIGNATURE_INVALID', 'broken signature')
    return { manifest: manifest as Digest, identity: 'r.test/app:1', signer: 'me' }
  },
}

const signedBy: SignatureRequirement = {
  type: 'signedBy',
  keyType: 'GPGKeys',
  keys: [],
  signedIdentity: { type: 'matchExact' },
}

function policyOf(requirement: Policy['default'][number]): TrustPolicy {
  const policy: Policy = { file: '/p.json', default: [requirement], transports: new Map() }
  return createTrustPolicy(policy, { openVerifier: async () => verifier })
}

function failing(): Promise<never> {
  return Promise.reject(new Error('signatures read'))
}

const signedPolicy = policyOf(signedBy)

/** Every manifest of it is signed. */
function allSigned({ root, children }: FixtureImage): Signed {
  return Object.fromEntries([root, ...children].map(({ digest }) => [digest, [signatureOf(digest)]]))
}

function without(signed: Signed, digest: Digest): Signed {
  const { [digest]: _, ...rest } = signed
  return rest
}

describe('one image', () => {
  const image = fixtureImage()

  it('is copied with the signature that makes it trusted', async () => {
    const { digest } = await copyImage(await stored(image, allSigned(image)), place(), { policy: signedPolicy })
    expect(digest).toBe(image.root.digest)
  })

  it('that is rejected is so before the destination is opened', async () => {
    const to = place()
    await expect(copyImage(await stored(image), to, { policy: signedPolicy })).rejects.toMatchObject({
      code: 'TRUST_REJECTED',
      message: 'Source image rejected: A signature was required, but no signature exists',
      reasons: ['A signature was required, but no signature exists'],
    })
    expect(to.opened).toEqual([])
  })

  it('is rejected with all the reasons there are', async () => {
    const policy: TrustPolicy = { evaluate: async () => ({ allowed: false, reasons: ['no signature', 'wrong name'] }) }
    await expect(copyImage(await stored(image), place(), { policy })).rejects.toMatchObject({
      message: 'Source image rejected: no signature; wrong name',
      reasons: ['no signature', 'wrong name'],
    })
  })
})

describe('an index', () => {
  const index = fixtureIndex('oci')
  const [first, second] = index.children
  const instances = without(allSigned(index), index.root.digest)
  const only: CopyOptions['images'] = { platforms: [], digests: [first!.digest] }

  it.each<[string, Signed, CopyOptions['images']]>([
    ['signed, with its images signed', allSigned(index), 'all'],
    ['not signed, with all of its images, all signed', instances, 'all'],
    ['signed, alone', { [index.root.digest]: [signatureOf(index.root.digest)] }, 'index-only'],
    ['signed, with one image of it, signed', allSigned(index), only],
    ['not signed, for the one image chosen, signed', instances, 'system'],
  ])('is copied: %s', async (_, signed, images) => {
    const platform = { os: 'linux', architecture: 'amd64' }
    const from = await stored(index, signed)
    const { mediaType } = await copyImage(from, place(), { images, policy: signedPolicy, platform })
    expect(mediaType).toBe(images === 'system' ? first!.mediaType : index.root.mediaType)
  })

  const unsigned = 'Source image rejected: A signature was required, but no signature exists'

  it.each<[string, Signed, CopyOptions['images'], string]>([
    ['signed, with an image that is not', without(allSigned(index), second!.digest), 'all', unsigned],
    ['not signed, with an image that is not', without(instances, second!.digest), 'all', unsigned],
    [
      'wrongly signed, with its images signed',
      { ...instances, [index.root.digest]: [broken] },
      'all',
      'Source image rejected: broken signature',
    ],
    [
      'with the signature of another, with its images signed',
      { ...instances, [index.root.digest]: [signatureOf(first!.digest)] },
      'all',
      `Source image rejected: Signature for digest ${first!.digest} does not match`,
    ],
    ['not signed, alone', instances, 'index-only', unsigned],
    ['not signed, with one image of it, signed', instances, only, unsigned],
    ['signed, with one image of it, not signed', without(allSigned(index), first!.digest), only, unsigned],
  ])('is rejected: %s', async (_, signed, images, message) => {
    const to = place()
    await expect(copyImage(await stored(index, signed), to, { images, policy: signedPolicy })).rejects.toMatchObject({
      code: 'TRUST_REJECTED',
      message: expect.stringContaining(message),
    })
    expect(to.opened).toEqual([])
  })

  it('without images is rejected, as nothing speaks for it', async () => {
    const from = await stored(indexOf([]))
    await expect(copyImage(from, place(), { images: 'all', policy: signedPolicy })).rejects.toMatchObject({
      code: 'TRUST_REJECTED',
    })
  })

  it('in an index is asked about where the outer one is not signed', async () => {
    const nested = nestedIndex()
    const inner = nested.children.find(
      ({ mediaType }) => mediaType === nested.root.mediaType || /list/.test(mediaType),
    )!
    const images = without(without(allSigned(nested), nested.root.digest), inner.digest)
    const copy = async (signed: Signed): Promise<unknown> =>
      await copyImage(await stored(nested, signed), place(), { images: 'all', policy: signedPolicy })
    await expect(copy(images)).resolves.toMatchObject({ digest: nested.root.digest })
    await expect(copy({ ...images, [inner.digest]: [broken] })).rejects.toMatchObject({ code: 'TRUST_REJECTED' })
  })

  it('that nothing is asked of has no signatures read', async () => {
    const from = await stored(index)
    const unreadable: Transport = {
      ...from.transport,
      openSource: async (reference, options) => {
        const source = await from.transport.openSource!(reference, options)
        return Object.assign(source, { signatures: { list: failing }, readReferrers: failing })
      },
    }
    const options: CopyOptions = { images: 'all', removeSignatures: true }
    const copy = (policy: TrustPolicy): Promise<unknown> =>
      copyImage({ ...from, transport: unreadable }, place(), { ...options, policy })
    await expect(copy(policyOf({ type: 'insecureAcceptAnything' }))).resolves.toMatchObject({
      digest: index.root.digest,
    })
    await expect(copy(signedPolicy)).rejects.toThrow(`reading signatures of ${index.root.digest}: signatures read`)
  })
})
