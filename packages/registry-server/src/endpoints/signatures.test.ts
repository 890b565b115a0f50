import { digestOf, mediaTypes } from '@transload/contract'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { temporaryRegistry } from '../registry.test.kit.ts'
import type { RegistryServer } from '../server.ts'

const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }))
const digest = digestOf(index)
const path = `/extensions/v2/team/app/signatures/${digest}`

let cleanup: AsyncDisposableStack
let registry: RegistryServer

beforeEach(async () => {
  cleanup = new AsyncDisposableStack()
  registry = cleanup.use(await temporaryRegistry({ signatures: true }))
  await put('/v2/team/app/manifests/v1', index)
})

afterEach(() => cleanup.disposeAsync())

function signature(id: number, content = 'c2ln'): Record<string, unknown> {
  return { schemaVersion: 2, name: `${digest}@${String(id).padStart(32, '0')}`, type: 'atomic', content }
}

async function put(to: string, body: Buffer | object): Promise<number> {
  const bytes = Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body)
  return (await fetch(registry.url + to, { method: 'PUT', body: bytes })).status
}

async function announced({ url }: RegistryServer): Promise<string | null> {
  return (await fetch(`${url}/v2/`)).headers.get('x-registry-supports-signatures')
}

async function get(): Promise<unknown> {
  return await (await fetch(registry.url + path)).json()
}

test('the ping says so, unless it is off', async () => {
  expect(await announced(registry)).toBe('1')
  const plain = cleanup.use(await temporaryRegistry())
  expect(await announced(plain)).toBeNull()
  expect((await fetch(plain.url + path)).status).toBe(404)
})

test('signatures are kept in order, and go with the manifest', async () => {
  expect(await get()).toEqual({ signatures: [] })
  expect(await Promise.all([2, 1, 3].map((id) => put(path, signature(id))))).toEqual([201, 201, 201])
  const { signatures } = (await get()) as { signatures: unknown[] }
  expect(new Set(signatures)).toEqual(new Set([1, 2, 3].map((id) => signature(id))))
  expect((await fetch(`${registry.url}/v2/team/app/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202)
  expect((await fetch(registry.url + path)).status).toBe(404)
  await put('/v2/team/app/manifests/v1', index)
  expect(await get()).toEqual({ signatures: [] })
})

test('a name is given once', async () => {
  expect([await put(path, signature(1)), await put(path, signature(1, 'b3RoZXI='))]).toEqual([201, 409])
  expect(await get()).toEqual({ signatures: [signature(1)] })
})

test('of a manifest that is not there none are kept', async () => {
  const other = path.replace(digest, digestOf(Buffer.from('other')))
  expect((await fetch(registry.url + other)).status).toBe(404)
  expect(await put(other, signature(1))).toBe(404)
})

test.each([
  ['{', 400],
  [{ ...signature(1), schemaVersion: 1 }, 400],
  [{ ...signature(1), type: 'other' }, 400],
  [{ ...signature(1), name: 'x' }, 400],
  [{ ...signature(1), name: `${digest}@x@${'0'.repeat(32)}` }, 400],
  [{ ...signature(1), content: '!' }, 400],
  [{ ...signature(1), content: 'a'.repeat(30_000) }, 413],
  [{ ...signature(1), content: 'a'.repeat(70_000) }, 413],
])('%j is refused with %i', async (body, status) => {
  expect(await put(path, typeof body === 'string' ? Buffer.from(body) : body)).toBe(status)
  expect(await get()).toEqual({ signatures: [] })
})
