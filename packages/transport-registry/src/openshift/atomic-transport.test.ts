import { mkdtemp, rm } from 'node:fs/promises'

import { collect, digestOf, mediaTypes, rawManifest, type StoredSignature } from '@transload/contract'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { afterEach, beforeEach, expect, test } from 'vitest'

import atomicTransport from '../atomic.ts'
import { openOptions } from '../fake-registry.test.kit.ts'
import { httpAnswer, startRawServer, type RawRequest, type RawServer } from '../http/raw-server.test.kit.ts'

const index = rawManifest(Buffer.from('{"schemaVersion":2,"manifests":[]}'), mediaTypes.ociIndex)
const signature: StoredSignature = { kind: 'simple', bytes: Buffer.from([0x90, 1]) }

interface ApiSignature {
  readonly metadata: { readonly name: string }
  readonly type: string
  readonly content: string
}

let cleanup: AsyncDisposableStack
let registry: RegistryServer
let api: RawServer
let signatures: ApiSignature[]
let transport: ReturnType<typeof atomicTransport>

beforeEach(async () => {
  cleanup = new AsyncDisposableStack()
  const directory = await mkdtemp('/tmp/transport-registry-atomic-')
  cleanup.defer(() => rm(directory, { recursive: true }))
  registry = await startRegistryServer({ directory })
  cleanup.defer(() => registry.close())
  signatures = []
  api = cleanup.use(await startRawServer(async (request) => request.answer(await answerApi(request))))
  const imageStreams = async (): Promise<{ url: string; token: string }> => ({ url: api.url.href, token: 'secret' })
  transport = atomicTransport({ verifyTls: false, imageStreams })
  cleanup.defer(() => transport.close())
})

afterEach(() => cleanup.disposeAsync())

async function answerApi({ method, path, readBody }: RawRequest): Promise<string> {
  if (method === 'POST' && path === '/oapi/v1/imagesignatures') {
    signatures.push(JSON.parse((await readBody()).toString()) as ApiSignature)
    return httpAnswer(201, {}, {})
  }
  if (path === '/oapi/v1/namespaces/ns/imagestreams/app') {
    const image = { dockerImageReference: `172.30.0.1:5000/ns/app@${index.digest}`, image: index.digest }
    return httpAnswer(200, {}, { status: { tags: [{ tag: 'v1', items: [image] }, { tag: 'old' }] } })
  }
  if (path === `/oapi/v1/namespaces/ns/imagestreamimages/app@${index.digest}`) {
    return httpAnswer(200, {}, { image: { signatures } })
  }
  if (path.endsWith('/broken')) return httpAnswer(500, {}, 'oops')
  return httpAnswer(404, {}, { status: 'Failure', message: `${path} not found` })
}

function referenceTo(name: string): ReturnType<typeof transport.parse> {
  return transport.parse(`${registry.host}/${name}`, '/')
}

test('an image goes to the registry and its signatures to the API, and both are read back', async () => {
  {
    await using destination = await transport.openDestination!(referenceTo('ns/app:v1'), openOptions())
    await destination.writeManifest(index, { root: true })
    await destination.signatures!.check!(new Set(['simple']))
    await destination.signatures!.replace(index.digest, [signature, signature])
    expect(signatures).toEqual([])
    await destination.commit()
  }
  expect(signatures).toEqual([
    {
      kind: 'ImageSignature',
      apiVersion: 'v1',
      metadata: { name: expect.stringMatching(new RegExp(`^${index.digest}@[0-9a-f]{32}$`)) as string },
      type: 'atomic',
      content: Buffer.from([0x90, 1]).toString('base64'),
    },
  ])
  signatures.push({ metadata: { name: 'x' }, type: 'other', content: '' })
  const reference = referenceTo('ns/app:v1')
  await using source = await transport.openSource!(reference, openOptions())
  expect(source.reference).toBe(reference)
  expect(await source.readManifest(undefined)).toEqual(index)
  expect(await source.signatures!.list(index.digest)).toEqual([signature])
  // It is not told over plain http.
  expect(api.requests.every(({ headers }) => headers['authorization'] === undefined)).toBe(true)

  await using again = await transport.openDestination!(reference, openOptions())
  await again.writeManifest(index, { root: true })
  await again.signatures!.replace(index.digest, [signature])
  await again.commit()
  expect(signatures).toHaveLength(2)
})

test('sigstore signatures have no place', async () => {
  await using destination = await transport.openDestination!(referenceTo('ns/app:v1'), openOptions())
  const problem = 'unsupported signature format sigstore-json'
  await expect(destination.signatures!.check!(new Set(['sigstore']))).rejects.toThrow(problem)
  const sigstore: StoredSignature = { kind: 'sigstore', mediaType: 'x', payload: Buffer.of(), annotations: {} }
  await expect(destination.signatures!.replace(index.digest, [sigstore])).rejects.toThrow(problem)
})

test.each([
  ['ns/app:none', 'MANIFEST_UNKNOWN', 'No matching tag found'],
  ['ns/app:old', 'MANIFEST_UNKNOWN', 'No matching tag found'],
  ['ns/none:v1', 'MANIFEST_UNKNOWN', '/oapi/v1/namespaces/ns/imagestreams/none not found'],
  ['ns/broken:v1', 'UNAVAILABLE', 'HTTP error: status code: 500 (Internal Server Error), body: oops'],
])('%s cannot be opened', async (name, code, problem) => {
  const opening = transport.openSource!(referenceTo(name), openOptions())
  await expect(opening).rejects.toMatchObject({ code })
  await expect(opening).rejects.toThrow(problem)
})

test('blobs are read from the registry', async () => {
  const blob = Buffer.from('blob')
  {
    await using destination = await transport.openDestination!(referenceTo('ns/app:v1'), openOptions())
    const descriptor = { mediaType: 'x', digest: digestOf(blob), size: blob.length }
    await destination.writeBlob({ role: 'layer', ...descriptor, body: once(blob), written: () => descriptor })
    await destination.writeManifest(index, { root: true })
    await destination.commit()
  }
  await using source = await transport.openSource!(referenceTo('ns/app:v1'), openOptions())
  expect(await collect(source.readBlob({ mediaType: 'x', digest: digestOf(blob), size: 4 }))).toEqual(blob)
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
