import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { digestOf, mediaTypes, parseJsonObject, type Digest, type StoredSignature } from '@transload/contract'
import { encodeSignatureFile } from '@transload/formats'
import { startRegistryServer } from '@transload/registry-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { clientOf, openOptions, startFakeRegistry } from '../fake-registry.test.kit.ts'
import { httpAnswer, type RawServer } from '../http/raw-server.test.kit.ts'
import type { SignatureStorage } from '../options.ts'
import { parseRegistryReference } from '../reference.ts'
import { RegistryClient } from '../registry-client.ts'
import { createSignatureReader, createSignatureWriter, removeLookasideSignatures } from './signature-store.ts'

const manifest = digestOf(Buffer.from('a manifest'))
const hex = manifest.slice('sha256:'.length)
const simple: StoredSignature = { kind: 'simple', bytes: Buffer.from([0x90, 1, 2, 3]) }
const sigstore = (text: string): StoredSignature & { kind: 'sigstore' } => ({
  kind: 'sigstore',
  mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
  payload: Buffer.from(`{"payload":"${text}"}`),
  annotations: { 'dev.cosignproject.cosign/signature': text, 'a/b': '<' },
})

let cleanup: AsyncDisposableStack
let root: string
let lookaside: string

beforeEach(async () => {
  cleanup = new AsyncDisposableStack()
  root = await mkdtemp('/tmp/transport-registry-signatures-')
  lookaside = pathToFileURL(join(root, 'sigs/')).href
  cleanup.defer(() => rm(root, { recursive: true }))
})

afterEach(() => cleanup.disposeAsync())

function storeOf(
  client: RegistryClient,
  host: string,
  storage: SignatureStorage,
): Parameters<typeof createSignatureReader>[0] & { readonly logged: string[] } {
  const { log, logged } = openOptions()
  const reference = parseRegistryReference(`//${host}/team/app:1`)
  return { client, reference, log, logged, readStorage: async () => storage }
}

/** Serves what `routes` says. */
async function fakeStore(
  storage: SignatureStorage | ((server: RawServer) => SignatureStorage),
  routes: Parameters<typeof startFakeRegistry>[0] = () => httpAnswer(404),
): Promise<ReturnType<typeof storeOf> & { readonly server: RawServer }> {
  const server = cleanup.use(await startFakeRegistry(routes))
  const client = cleanup.use(clientOf(server))
  return { server, ...storeOf(client, server.host, typeof storage === 'function' ? storage(server) : storage) }
}

async function realStore(storage: SignatureStorage): Promise<ReturnType<typeof storeOf>> {
  const directory = join(root, 'registry')
  const server = await startRegistryServer({ directory })
  cleanup.defer(() => server.close())
  const client = cleanup.use(new RegistryClient(server.host, { verifyTls: false }))
  return storeOf(client, server.host, storage)
}

describe('a lookaside of files', () => {
  test('is read until a file is missing, and needs nothing of the registry but its ping', async () => {
    const store = await fakeStore({ lookaside })
    const reader = createSignatureReader(store)
    expect(await reader.list(manifest)).toEqual([])
    await createSignatureWriter(store).replace(manifest, [simple, simple])
    expect(await readdir(join(root, `sigs/team/app@sha256=${hex}`))).toEqual(['signature-1', 'signature-2'])
    expect(await reader.list(manifest)).toEqual([simple, simple])
    expect(store.server.requests.map(({ path }) => path)).toEqual(['/v2/'])
  })

  test('no signatures change nothing', async () => {
    const store = await fakeStore({ lookaside })
    const writer = createSignatureWriter(store)
    await writer.replace(manifest, [simple])
    await writer.replace(manifest, [])
    expect(await createSignatureReader(store).list(manifest)).toEqual([simple])
  })

  test('removal takes the files of the place that is written to', async () => {
    const store = await fakeStore({ lookaside: 'https://sigs.test', lookasideStaging: lookaside })
    await createSignatureWriter(store).replace(manifest, [simple])
    await removeLookasideSignatures(store.reference, await store.readStorage(), manifest)
    expect(await readdir(join(root, `sigs/team/app@sha256=${hex}`))).toEqual([])
    await removeLookasideSignatures(store.reference, {}, manifest)
  })

  test('more than 128 signatures, or one that is too large, are refused', async () => {
    const store = await fakeStore({ lookaside })
    const directory = join(root, `sigs/team/app@sha256=${hex}`)
    await mkdir(directory, { recursive: true })
    await createSignatureWriter(store).replace(
      manifest,
      Array.from({ length: 129 }, () => simple),
    )
    await expect(createSignatureReader(store).list(manifest)).rejects.toThrow('server provided 128 signatures')
    await writeFile(join(directory, 'signature-1'), Buffer.alloc(4 * 1024 * 1024 + 1, 0x90))
    await expect(createSignatureReader(store).list(manifest)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
  })

  test.each([
    ['{}', 'parsing signature "/'],
    ['', 'empty signature blob'],
  ])('a file with %j is no signature', async (content, problem) => {
    const store = await fakeStore({ lookaside })
    await mkdir(join(root, `sigs/team/app@sha256=${hex}`), { recursive: true })
    await writeFile(join(root, `sigs/team/app@sha256=${hex}/signature-1`), content)
    const listing = createSignatureReader(store).list(manifest)
    await expect(listing).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
    await expect(listing).rejects.toThrow(problem)
  })
})

describe('a lookaside on a web server', () => {
  const path = `/sigs/team/app@sha256=${hex}/signature-`
  const bytes = Buffer.from(encodeSignatureFile(sigstore('x'))).toString('latin1')

  test('is read until 404, without credentials, and a page is only warned of', async () => {
    const store = await fakeStore(served, (request) =>
      request.path === `${path}1` ? httpAnswer(200, { 'Content-Type': 'text/html; x=1' }, bytes) : httpAnswer(404),
    )
    expect(await createSignatureReader(store).list(manifest)).toEqual([sigstore('x')])
    const [, first, second] = store.server.requests
    expect([first!.path, second!.path]).toEqual([`${path}1`, `${path}2`])
    expect(first!.headers).not.toHaveProperty('authorization')
    expect(store.logged).toContain(
      `warn Signature "http://${store.server.host}${path}1" has Content-Type "text/html; x=1", unexpected for a signature`,
    )
  })

  test('other answers are errors', async () => {
    const store = await fakeStore(served, () => httpAnswer(403))
    await expect(createSignatureReader(store).list(manifest)).rejects.toThrow(
      `reading signature from http://${store.server.host}${path}1: `,
    )
  })

  test('cannot be written to', async () => {
    const store = await fakeStore({ lookaside: 'https://user:secret@sigs.test/x' })
    const writer = createSignatureWriter(store)
    const checking = writer.check(new Set(['simple']))
    await expect(checking).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect(checking).rejects.toThrow(
      /^Writing directly to a https lookaside https:\/\/\S*sigs\.test\/x is not supported\. Configure a lookaside-staging: location$/,
    )
    await expect(checking).rejects.not.toThrow('secret')
    await expect(writer.replace(manifest, [simple])).rejects.toThrow('Writing directly to a https lookaside')
  })
})

test.each([
  ['ftp://x/y', 'Unsupported scheme when reading signature from ftp://x/y'],
  ['sigs', 'Invalid signature storage URL "sigs"'],
  ['file://host/sigs', 'Invalid signature storage URL file://host/sigs'],
])('%s is no lookaside', async (url, problem) => {
  const store = await fakeStore({ lookaside: url })
  const listing = createSignatureReader(store).list(manifest)
  await expect(listing).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(listing).rejects.toThrow(problem)
  await expect(createSignatureWriter(store).check(new Set(['simple']))).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
})

test('without any place there are no signatures, and none can be stored', async () => {
  const store = await fakeStore({})
  expect(await createSignatureReader(store).list(manifest)).toEqual([])
  const { check } = createSignatureWriter(store)
  await expect(check(new Set(['simple']))).rejects.toThrow('no place for signatures is configured')
  await expect(check(new Set(['sigstore']))).rejects.toThrow(
    'writing sigstore attachments is disabled by configuration',
  )
  await check(new Set())
})

describe('attachments', () => {
  test('are added to what is attached, once, and read back with the lookaside', async () => {
    const store = await realStore({ lookaside, useSigstoreAttachments: true })
    const [reader, writer] = [createSignatureReader(store), createSignatureWriter(store)]
    expect(await reader.list(manifest)).toEqual([])
    await writer.check(new Set(['sigstore', 'simple']))
    await writer.replace(manifest, [sigstore('1'), simple])
    const tagged = await readTag(store)
    expect(tagged.text).toMatch(
      /^\{"schemaVersion":2,"mediaType":"application\/vnd.oci.image.manifest.v1\+json","config":\{"mediaType":"application\/vnd.oci.image.config.v1\+json","digest":"sha256:[0-9a-f]{64}","size":153\},"layers":\[\{"mediaType":"application\/vnd.dev.cosign.simplesigning.v1\+json","digest":"sha256:[0-9a-f]{64}","size":15,"annotations":\{"a\/b":"\\u003c","dev.cosignproject.cosign\/signature":"1"\}\}\]\}$/,
    )
    await writer.replace(manifest, [sigstore('1')])
    expect((await readTag(store)).text).toBe(tagged.text)
    await writer.replace(manifest, [sigstore('2'), sigstore('1')])
    expect(await reader.list(manifest)).toEqual([simple, sigstore('1'), sigstore('2')])
  })

  test('several writers lose nothing', async () => {
    const store = await realStore({ useSigstoreAttachments: true })
    const writer = createSignatureWriter(store)
    await Promise.all(['1', '2', '3', '4'].map((text) => writer.replace(manifest, [sigstore(text)])))
    const found = (await createSignatureReader(store).list(manifest)).map(
      (signature) => signature.kind === 'sigstore' && signature.annotations['dev.cosignproject.cosign/signature'],
    )
    expect(new Set(found)).toEqual(new Set(['1', '2', '3', '4']))
  })

  test('a tag that cannot be changed is told as that', async () => {
    const config = Buffer.from('{}')
    const descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length }
    const taken = JSON.stringify({ schemaVersion: 2, config: descriptor, layers: [] })
    const store = await fakeStore({ useSigstoreAttachments: true }, ({ method, path }) => {
      if (method === 'HEAD') return 'HTTP/1.1 200 OK\r\n\r\n'
      if (path.includes('/blobs/')) return httpAnswer(200, {}, '{}')
      if (method === 'GET') return httpAnswer(200, { 'Content-Type': mediaTypes.ociManifest }, taken)
      return httpAnswer(403, {}, { errors: [{ code: 'DENIED', message: 'tag is immutable' }] })
    })
    const writing = createSignatureWriter(store).replace(manifest, [sigstore('1')])
    await expect(writing).rejects.toMatchObject({ code: 'DENIED', hint: expect.stringContaining('exempt *.sig') })
    await expect(writing).rejects.toThrow('tag is immutable')
  })

  test('a tag of something else, and content of another digest, are refused', async () => {
    const layer = { mediaType: 'x', digest: digestOf(Buffer.from('right')), size: 5 }
    const answers: Record<string, string> = {
      [`/v2/team/app/manifests/sha256-${hex}.sig`]: httpAnswer(
        200,
        { 'Content-Type': mediaTypes.ociManifest },
        JSON.stringify({ schemaVersion: 2, config: layer, layers: [layer] }),
      ),
      [`/v2/team/app/blobs/${layer.digest}`]: httpAnswer(200, {}, 'wrong'),
    }
    const store = await fakeStore({ useSigstoreAttachments: true }, ({ path }) => answers[path] ?? httpAnswer(404))
    const reader = createSignatureReader(store)
    await expect(reader.list(manifest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    const index = { 'Content-Type': mediaTypes.ociIndex }
    answers[`/v2/team/app/manifests/sha256-${hex}.sig`] = httpAnswer(200, index, '{"schemaVersion":2,"manifests":[]}')
    await expect(reader.list(manifest)).rejects.toThrow(
      `unexpected MIME type for sigstore attachment manifest ${store.server.host}/team/app:sha256-${hex}.sig: `,
    )
  })
})

describe('a registry that keeps signatures', () => {
  const path = `/extensions/v2/team/app/signatures/${manifest}`
  const content = Buffer.from(simple.kind === 'simple' ? simple.bytes : '').toString('base64')

  async function keepingStore(signatures: unknown[]): Promise<ReturnType<typeof storeOf> & { server: RawServer }> {
    const server = cleanup.use(
      await startFakeRegistry(
        async ({ method, path: asked, readBody }) => {
          if (asked !== path) return httpAnswer(404)
          if (method === 'PUT') signatures.push(parseJsonObject(await readBody(), 'body'))
          return method === 'PUT' ? httpAnswer(201) : httpAnswer(200, {}, JSON.stringify({ signatures }))
        },
        undefined,
        { 'X-Registry-Supports-Signatures': '1' },
      ),
    )
    const client = cleanup.use(clientOf(server))
    return { server, ...storeOf(client, server.host, { lookaside: 'https://never.test' }) }
  }

  test('is asked in place of the lookaside, and what is unknown passed over', async () => {
    const known = { schemaVersion: 2, name: 'x', type: 'atomic', content }
    const store = await keepingStore([{ ...known, schemaVersion: 3 }, { ...known, type: 'other' }, known])
    expect(await createSignatureReader(store).list(manifest)).toEqual([simple])
  })

  test('takes what it has not once the manifest is there', async () => {
    const kept: Record<string, unknown>[] = []
    const store = await keepingStore(kept)
    const writer = createSignatureWriter(store)
    await writer.check(new Set(['simple']))
    await writer.replace(manifest, [simple, simple])
    expect(kept).toEqual([])
    await writer.finish()
    await writer.finish()
    await writer.replace(manifest, [simple])
    await writer.finish()
    const name = expect.stringMatching(new RegExp(`^${manifest}@[0-9a-f]{32}$`))
    expect(kept).toEqual([{ schemaVersion: 2, name, type: 'atomic', content }])
  })

  test.each([
    ['{"signatures":1}'],
    ['{"signatures":[1]}'],
    ['[]'],
    ['{"signatures":[{"schemaVersion":2,"type":"atomic"}]}'],
  ])('%s is refused', async (body) => {
    const server = cleanup.use(
      await startFakeRegistry(() => httpAnswer(200, {}, body), undefined, { 'X-Registry-Supports-Signatures': '1' }),
    )
    const store = storeOf(cleanup.use(clientOf(server)), server.host, {})
    await expect(createSignatureReader(store).list(manifest)).rejects.toMatchObject({ code: 'PROTOCOL' })
  })
})

async function readTag({ client, log }: ReturnType<typeof storeOf>): Promise<{ text: string }> {
  const target = `/v2/team/app/manifests/sha256-${hex as Digest}.sig`
  const response = await client.request({
    method: 'GET',
    target,
    access: { repository: 'team/app', actions: 'pull' },
    log,
  })
  expect(response.status).toBe(200)
  let text = ''
  for await (const chunk of response.body) text += Buffer.from(chunk).toString()
  return { text }
}

function served({ host }: RawServer): SignatureStorage {
  return { lookaside: `http://${host}/sigs/` }
}
