import {
  collect,
  parseManifest,
  readSubject,
  TransloadError,
  type Claim,
  type Digest,
  type ImageDestination,
  type ReuseOptions,
  type Signature,
  type SignatureWriter,
  type Signer,
  type StoredSignature,
  type Transport,
} from '@transload/contract'
import {
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  memoryTransport,
  storeImage,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import type { CopyOptions } from './copy-options.ts'
import { copyImage } from './copy.ts'
import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { Located } from './plugin-registry.ts'
import type { TransferEvent } from './progress.ts'

const open = { cache: createMemoryBlobInfoCache(), tempDirectory: '/tmp', log: () => undefined }
const identity = 'example.com/app:1'
const image = fixtureImage({ format: 'oci' })
const old: StoredSignature = { kind: 'simple', bytes: Buffer.from('old') }
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** "Signs" by naming what is claimed. */
function signer(makes: Signature['kind'], name: string = makes): Signer & { readonly claims: Required<Claim>[] } {
  const claims: Required<Claim>[] = []
  return {
    method: `${name} signing`,
    makes,
    claims,
    async sign(claim) {
      claims.push(claim)
      const bytes = Buffer.from(`${name} ${claim.identity} ${claim.manifest}`)
      if (makes === 'simple') return { kind: makes, bytes }
      if (makes === 'bundle') return { kind: makes, mediaType: bundleType, bytes, annotations: { by: name } }
      return { kind: makes, mediaType: 'text/plain', payload: bytes, annotations: {} }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function made(name: string, manifest: Digest): StoredSignature {
  return { kind: 'simple', bytes: Buffer.from(`${name} ${identity} ${manifest}`) }
}

async function stored(source: FixtureImage, signatures: readonly StoredSignature[] = []): Promise<Located> {
  const from = place()
  await using destination = await from.transport.openDestination!(from.reference, open)
  if (signatures.length > 0) await destination.signatures!.replace(source.root.digest, signatures)
  await storeImage(destination, source)
  return from
}

function place(check?: SignatureWriter['check'], reuseBlob?: ImageDestination['reuseBlob']): Located {
  const memory = memoryTransport()
  const transport: Transport = {
    ...memory,
    async openDestination(reference, options) {
      const destination = await memory.openDestination!(reference, options)
      Object.assign(destination.signatures!, { check })
      if (reuseBlob) Object.assign(destination, { reuseBlob })
      return destination
    },
  }
  return { transport, reference: memory.parse('image', '/') }
}

async function signaturesAt({ transport, reference }: Located, digest: Digest): Promise<readonly StoredSignature[]> {
  await using source = await transport.openSource!(reference, open)
  return await source.signatures!.list(digest)
}

async function nothingAt({ transport, reference }: Located): Promise<boolean> {
  return await transport.openSource!(reference, open).then(
    () => false,
    (error) => TransloadError.is(error, 'MANIFEST_UNKNOWN'),
  )
}

it('adds signatures, in the order of the signers, behind those carried over', async () => {
  const to = place()
  const signers = [signer('simple', 'first'), signer('simple', 'second')]
  const { plan } = await copyImage(await stored(image, [old]), to, { signers, signIdentity: identity })
  const { digest } = image.root
  expect(await signaturesAt(to, digest)).toEqual([old, made('first', digest), made('second', digest)])
  expect(plan).toMatchObject({
    signIdentity: identity,
    images: [{ signatures: { fate: 'carry', count: 1, added: 2 } }],
  })
})

it('adds them to images whose own are removed', async () => {
  const to = place()
  const options = { signers: [signer('simple')], signIdentity: identity, removeSignatures: true }
  const { plan } = await copyImage(await stored(image, [old]), to, options)
  expect(await signaturesAt(to, image.root.digest)).toEqual([made('simple', image.root.digest)])
  expect(plan.images[0]!.signatures).toEqual({ fate: 'drop', count: 0, added: 1 })
})

it('signs what is written, not what was read', async () => {
  const to = place()
  const signing = signer('simple')
  const docker = fixtureImage({ format: 'docker' })
  const options: CopyOptions = { signers: [signing], signIdentity: identity, format: 'oci' }
  const { digest } = await copyImage(await stored(docker), to, options)
  expect(digest).not.toBe(docker.root.digest)
  expect(signing.claims).toEqual([{ manifest: digest, identity }])
  expect(await signaturesAt(to, digest!)).toEqual([made('simple', digest!)])
})

it('signs every image of an index, and the index', async () => {
  const to = place()
  const index = fixtureIndex('oci')
  const signing = signer('simple')
  await copyImage(await stored(index), to, { signers: [signing], signIdentity: identity, images: 'all' })
  const digests = [...index.children, index.root].map(({ digest }) => digest)
  expect(signing.claims.map(({ manifest }) => manifest)).toEqual(digests)
  for (const digest of digests) expect(await signaturesAt(to, digest)).toEqual([made('simple', digest)])
})

it('signs no layer that another blob has taken the place of', async () => {
  const asked: ReuseOptions[] = []
  const to = place(undefined, async (_, options) => void asked.push(options))
  const plain = fixtureImage({ format: 'oci', layers: [fixtureLayer('layer', 'none')] })
  const options = { layers: 'compressed', signIdentity: identity } as const
  await copyImage(await stored(plain), to, options)
  expect(asked.map(({ substitutes }) => substitutes)).toContain(true)
  asked.length = 0
  await copyImage(await stored(plain), to, { ...options, signers: [signer('simple')] })
  expect(asked.map(({ substitutes }) => substitutes)).not.toContain(true)
})

it('writes bundles as referrers of what they sign', async () => {
  const to = place()
  const signers = [signer('bundle'), signer('sigstore')]
  const events: TransferEvent[] = []
  const progress = (event: TransferEvent): void => void events.push(event)
  await copyImage(await stored(image), to, { signers, signIdentity: identity, progress })

  await using source = await to.transport.openSource!(to.reference, open)
  expect(await source.signatures!.list(image.root.digest)).toMatchObject([{ kind: 'sigstore' }])
  const [referrer] = await Array.fromAsync(source.readReferrers!(image.root.digest))
  expect(referrer).toMatchObject({ artifactType: bundleType, annotations: { by: 'bundle' } })
  const raw = await source.readManifest(referrer!.digest)
  expect(readSubject(raw)?.digest).toBe(image.root.digest)
  const manifest = parseManifest(raw)
  if (manifest.kind !== 'image') throw new Error(manifest.kind)
  const [layer] = manifest.layers
  expect(layer).toMatchObject({ mediaType: bundleType })
  expect(Buffer.from(await collect(source.readBlob(layer!))).toString()).toBe(`bundle ${identity} ${image.root.digest}`)
  expect(Buffer.from(await collect(source.readBlob(manifest.config))).toString()).toBe('{}')
  expect(events.filter(({ type }) => type === 'signatures')).toMatchObject([{ count: 2, digest: image.root.digest }])
})

it('tells of each signature, and when they are stored', async () => {
  const events: TransferEvent[] = []
  const progress = (event: TransferEvent): void => void events.push(event)
  const signers = [signer('simple'), signer('sigstore')]
  await copyImage(await stored(image, [old]), place(), { signers, signIdentity: identity, progress })
  const { digest } = image.root
  const role = { digest, root: true, list: false }
  expect(events.filter(({ type }) => type !== 'blob')).toMatchObject([
    { type: 'planned', signatures: 1, signers: ['simple signing', 'sigstore signing'] },
    { type: 'image', signatures: 1 },
    { type: 'manifest', ...role },
    { type: 'signing', ...role, method: 'simple signing', index: 0, count: 2 },
    { type: 'signing', ...role, method: 'sigstore signing', index: 1, count: 2 },
    { type: 'signatures', ...role, count: 3 },
    { type: 'done', digest },
  ])
})

describe('leaves nothing under the name', () => {
  const failing: Signer = {
    ...signer('simple'),
    sign: () => Promise.reject(new TransloadError('CONFIG_INVALID', 'Bad passphrase')),
  }

  it('when a signer fails', async () => {
    const to = place()
    const copied = copyImage(await stored(image), to, { signers: [failing], signIdentity: identity })
    await expect(copied).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'creating signature: Bad passphrase',
    })
    expect(await nothingAt(to)).toBe(true)
  })

  it('and says which of several it was', async () => {
    const signers = [signer('simple'), failing]
    const copied = copyImage(await stored(image), place(), { signers, signIdentity: identity })
    await expect(copied).rejects.toMatchObject({ message: 'creating signature 2: Bad passphrase' })
  })

  it('when the copy is aborted while a signer waits for somebody', async () => {
    const to = place()
    const aborted = new AbortController()
    const waiting: Signer = {
      ...signer('simple'),
      sign: (_, { signal } = {}) =>
        new Promise((_resolve, reject) => {
          signal!.addEventListener('abort', () => reject(signal!.reason as Error))
          aborted.abort(new Error('enough'))
        }),
    }
    const options = { signers: [waiting], signIdentity: identity, signal: aborted.signal }
    await expect(copyImage(await stored(image), to, options)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await nothingAt(to)).toBe(true)
  })
})

const refusing =
  (kind: StoredSignature['kind']): SignatureWriter['check'] =>
  async (kinds) => {
    if (kinds.has(kind)) throw new TransloadError('UNSUPPORTED', `no ${kind} signatures here`)
  }
const started = async (
  from: Located,
  check: SignatureWriter['check'],
  options: CopyOptions,
): Promise<readonly string[]> => {
  const types: string[] = []
  const progress = ({ type }: TransferEvent): void => void types.push(type)
  await expect(copyImage(from, place(check), { ...options, progress })).rejects.toThrow(/signatures here$/)
  return types
}

describe('a destination that turns signatures down', () => {
  it('is found out before anything is written', async () => {
    const options = { signers: [signer('sigstore')], signIdentity: identity }
    expect(await started(await stored(image), refusing('sigstore'), options)).toEqual([])
    const copied = copyImage(await stored(image), place(refusing('sigstore')), options)
    await expect(copied).rejects.toMatchObject({ message: 'writing signatures: no sigstore signatures here' })
  })

  it('is told of those to be carried over first', async () => {
    expect(await started(await stored(image, [old]), refusing('simple'), {})).toEqual([])
    const copied = copyImage(await stored(image, [old]), place(refusing('simple')))
    await expect(copied).rejects.toMatchObject({
      message: expect.stringMatching(/^Can not copy signatures to memory:image:latest: no simple/),
    })
  })

  it('is not asked when there are none', async () => {
    const check = refusing('simple')
    await expect(copyImage(await stored(image, [old]), place(check), { removeSignatures: true })).resolves.toBeDefined()
  })
})
