import {
  dockerPolicyScopes,
  parseDockerReference,
  rawManifest,
  TransloadError,
  type Policy,
  type PolicyRequirement,
  type SignatureBundle,
  type SignatureRequirement,
  type StoredSignature,
  type UnverifiedImage,
  type Verdict,
  type VerifiedClaim,
  type Verifier,
} from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { createTrustPolicy } from './trust-policy.ts'

const accept: readonly PolicyRequirement[] = [{ type: 'insecureAcceptAnything' }]
const reject: readonly PolicyRequirement[] = [{ type: 'reject' }]
const signed: SignatureRequirement = {
  type: 'signedBy',
  keyType: 'GPGKeys',
  keys: [],
  signedIdentity: { type: 'matchRepoDigestOrExact' },
}
const sigstore: SignatureRequirement = {
  type: 'sigstoreSigned',
  trust: { kind: 'keys', keys: [] },
  rekorKeys: [],
  signedIdentity: { type: 'matchRepoDigestOrExact' },
}
const manifest = rawManifest(Buffer.from('{}'))
const good: VerifiedClaim = { manifest: manifest.digest, identity: 'r.test/app:1', signer: 'me' }

type Scopes = Readonly<Record<string, Readonly<Record<string, readonly PolicyRequirement[]>>>>

function policyOf(defaults: readonly PolicyRequirement[], transports: Scopes = {}): Policy {
  return {
    file: '/p.json',
    default: defaults,
    transports: new Map(Object.entries(transports).map(([name, scopes]) => [name, new Map(Object.entries(scopes))])),
  }
}

function dockerImage(name: string, rest: Partial<UnverifiedImage> = {}): UnverifiedImage {
  const policyScopes = dockerPolicyScopes(parseDockerReference(name))
  return {
    reference: { scheme: 'docker', text: `//${name}`, name, policyScopes },
    manifest,
    signatures: async () => [],
    ...rest,
  }
}

function simple(claim: unknown): StoredSignature {
  return { kind: 'simple', bytes: Buffer.from(JSON.stringify(claim)) }
}

function sigstoreSignature(
  claim: unknown,
  mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json',
): StoredSignature {
  return { kind: 'sigstore', mediaType, payload: Buffer.from(JSON.stringify(claim)), annotations: {} }
}

function bundle(claim: unknown): SignatureBundle {
  return {
    kind: 'bundle',
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    bytes: Buffer.from(JSON.stringify(claim)),
  }
}

/** Believes what is written in a signature; a text is what is wrong with it. */
const verifier: Verifier = {
  verify: async (signature) => {
    const bytes = signature.kind === 'sigstore' ? signature.payload : signature.bytes
    const claim = JSON.parse(Buffer.from(bytes).toString()) as VerifiedClaim | string
    if (typeof claim === 'string') throw new TransloadError('SIGNATURE_INVALID', claim)
    return claim
  },
}

async function evaluate(policy: Policy, image: UnverifiedImage, requireSigned = false): Promise<Verdict> {
  return await createTrustPolicy(policy, { openVerifier: async () => verifier, requireSigned }).evaluate(image)
}

describe('which section decides', () => {
  test.each<[string, Policy, boolean]>([
    ['the default', policyOf(accept), true],
    ['the default', policyOf(reject), false],
    ['the transport’s default', policyOf(reject, { docker: { '': accept } }), true],
    ['not another transport’s', policyOf(reject, { dir: { '': accept } }), false],
    ['the host', policyOf(reject, { docker: { '': reject, 'a.r.test:5000': accept } }), true],
    [
      'a namespace before the host',
      policyOf(reject, { docker: { 'a.r.test:5000': reject, 'a.r.test:5000/team': accept } }),
      true,
    ],
    [
      'the image before its repository',
      policyOf(reject, { docker: { 'a.r.test:5000/team/app': accept, 'a.r.test:5000/team/app:1': reject } }),
      false,
    ],
    ['a wildcard', policyOf(reject, { docker: { '*.r.test': accept } }), true],
    ['not the host without its port', policyOf(reject, { docker: { 'a.r.test': accept } }), false],
    ['not half a name', policyOf(reject, { docker: { 'a.r.test:5000/te': accept } }), false],
    ['every requirement', policyOf([...accept, ...reject]), false],
  ])('%s', async (_, policy, allowed) => {
    expect((await evaluate(policy, dockerImage('a.r.test:5000/team/app:1'))).allowed).toBe(allowed)
  })
})

test.each<[string, readonly PolicyRequirement[], Partial<UnverifiedImage>, string]>([
  ['reject', reject, {}, 'Running image docker://r.test/app:1 is rejected by policy.'],
  ['signedBaseLayer', [{ type: 'signedBaseLayer' }], {}, 'signedBaseLayer not implemented yet!'],
  ['what is not known', [{ type: 'signedByAll' } as never], {}, 'Unknown policy requirement type "signedByAll"'],
  ['no signature', [signed], {}, 'A signature was required, but no signature exists'],
  ['no sigstore signature', [sigstore], {}, 'A signature was required, but no signature exists'],
  [
    'only sigstore ones',
    [signed],
    { signatures: async () => [sigstoreSignature(good)] },
    'A signature was required, but no signature exists',
  ],
  [
    'no sigstore signature among others',
    [sigstore],
    { signatures: async () => [simple(good), simple(good), sigstoreSignature(good, 'text/plain')] },
    'A signature was required, but no signature exists (2 non-sigstore signatures, 1 sigstore non-signature attachments)',
  ],
  ['one that is not valid', [signed], { signatures: async () => [simple('broken')] }, 'broken'],
  [
    'some that are not valid',
    [signed],
    { signatures: async () => [simple('broken'), simple('worse')] },
    'None of the signatures were accepted, reasons: broken; worse',
  ],
  [
    'one that is not valid and a bundle that is not',
    [sigstore],
    { signatures: async () => [sigstoreSignature('broken')], attached: async () => [bundle('worse')] },
    'None of the signatures were accepted, reasons: broken; worse',
  ],
  [
    'another manifest',
    [signed],
    { signatures: async () => [simple({ ...good, manifest: rawManifest(Buffer.from('{ }')).digest })] },
    `Signature for digest ${rawManifest(Buffer.from('{ }')).digest} does not match`,
  ],
  [
    'another name',
    [signed],
    { signatures: async () => [simple({ ...good, identity: 'r.test/app:2' })] },
    'Signature for identity "r.test/app:2" is not accepted',
  ],
  [
    'no name',
    [sigstore],
    { attached: async () => [bundle({ manifest: manifest.digest, signer: 'me' })] },
    'Signature is not accepted: the signature names no image',
  ],
  [
    'one requirement of two',
    [signed, sigstore],
    { signatures: async () => [simple(good)] },
    'A signature was required, but no signature exists (1 non-sigstore signatures, 0 sigstore non-signature attachments)',
  ],
])('refused: %s', async (_, requirements, image, reason) => {
  expect(await evaluate(policyOf(requirements), dockerImage('r.test/app:1', image))).toEqual({
    allowed: false,
    reasons: [reason],
    ...(reason.startsWith('A signature was required') ? { isUnsigned: true } : {}),
  })
})

test.each<[string, readonly PolicyRequirement[], Partial<UnverifiedImage>, readonly VerifiedClaim[]]>([
  ['a signature among broken ones', [signed], { signatures: async () => [simple('broken'), simple(good)] }, [good]],
  ['a sigstore signature', [sigstore], { signatures: async () => [simple('broken'), sigstoreSignature(good)] }, [good]],
  [
    'a bundle where the signatures do not suffice',
    [sigstore],
    { signatures: async () => [sigstoreSignature('broken')], attached: async () => [bundle(good)] },
    [good],
  ],
  [
    'a signature for each requirement',
    [signed, sigstore],
    { signatures: async () => [simple(good), sigstoreSignature({ ...good, signer: 'you' })] },
    [good, { ...good, signer: 'you' }],
  ],
  [
    'a digest by another algorithm',
    [signed],
    {
      signatures: async () => [
        simple({ ...good, manifest: rawManifest(manifest.bytes, manifest.mediaType, 'sha512').digest }),
      ],
    },
    [{ ...good, manifest: rawManifest(manifest.bytes, manifest.mediaType, 'sha512').digest }],
  ],
])('accepted, with proofs: %s', async (_, requirements, image, proofs) => {
  const verdict = await evaluate(policyOf(requirements), dockerImage('r.test/app:1', image))
  expect(verdict).toEqual({ allowed: true, proofs })
})

describe('what is read', () => {
  const unreadable: Partial<UnverifiedImage> = {
    signatures: () => Promise.reject(new Error('signatures read')),
    attached: () => Promise.reject(new Error('attached read')),
  }

  test('no signatures where none are needed', async () => {
    expect((await evaluate(policyOf(accept), dockerImage('r.test/app:1', unreadable))).allowed).toBe(true)
    expect((await evaluate(policyOf([...reject, signed]), dockerImage('r.test/app:1', unreadable))).allowed).toBe(false)
  })

  test('nothing attached where signatures suffice, or where they do not count', async () => {
    const image = dockerImage('r.test/app:1', { ...unreadable, signatures: async () => [sigstoreSignature(good)] })
    expect((await evaluate(policyOf([sigstore]), image)).allowed).toBe(true)
    expect((await evaluate(policyOf([signed]), image)).allowed).toBe(false)
  })

  test('signatures that cannot be read are no verdict', async () => {
    await expect(evaluate(policyOf([signed]), dockerImage('r.test/app:1', unreadable))).rejects.toThrow(
      'signatures read',
    )
  })

  test('keys only when there is a signature, and once', async () => {
    let opened = 0
    const openVerifier = async (): Promise<Verifier> => {
      opened++
      return verifier
    }
    const policy = createTrustPolicy(policyOf([signed]), { openVerifier })
    await policy.evaluate(dockerImage('r.test/app:1'))
    expect(opened).toBe(0)
    for (const claim of [good, 'broken']) {
      await policy.evaluate(dockerImage('r.test/app:1', { signatures: async () => [simple(claim), simple(claim)] }))
    }
    expect(opened).toBe(1)
  })

  test('keys that cannot be read are the reason', async () => {
    const error = new TransloadError('IO', 'open /k: no such file')
    const openVerifier = async (): Promise<Verifier> => {
      throw error
    }
    const image = dockerImage('r.test/app:1', { signatures: async () => [simple(good)] })
    expect(await createTrustPolicy(policyOf([signed]), { openVerifier }).evaluate(image)).toEqual({
      allowed: false,
      reasons: ['open /k: no such file'],
    })
  })
})

test('requireSigned accepts nothing for which no signature is asked', async () => {
  const unsigned = dockerImage('r.test/app:1')
  const withSignature = dockerImage('r.test/app:1', { signatures: async () => [simple(good)] })
  expect(await evaluate(policyOf(accept), withSignature, true)).toEqual({
    allowed: false,
    reasons: ['No signature verification policy found for image docker://r.test/app:1'],
  })
  expect((await evaluate(policyOf([...accept, signed]), withSignature, true)).allowed).toBe(true)
  expect(await evaluate(policyOf([signed]), unsigned, true)).toEqual({
    allowed: false,
    reasons: ['A signature was required, but no signature exists'],
    isUnsigned: true,
  })
})
