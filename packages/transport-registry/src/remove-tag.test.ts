import { digestOf, mediaTypes, rawManifest, TransloadError, type RawManifest } from '@transload/contract'
import { expect, test } from 'vitest'

import { clientOf, openOptions, requestLines, startFakeRegistry } from './fake-registry.test.kit.ts'
import { httpAnswer, type RawServer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'
import { removeRegistryTag } from './remove-tag.ts'

const image = rawManifest(Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}'), mediaTypes.ociManifest)

async function removeTag(server: RawServer, name = 'a:one'): Promise<void> {
  await using client = clientOf(server)
  await removeRegistryTag(client, parseRegistryReference(`//${server.host}/${name}`), openOptions())
}

test('a registry that can does it itself', async () => {
  await using registry = await startDigestRegistry({ tagAnswer: () => httpAnswer(202) })
  await removeTag(registry.server)
  expect(requestLines(registry.server)).toEqual(['GET /v2/a/manifests/one', 'DELETE /v2/a/manifests/one'])
})

test('one that deletes by digest only is given something to delete; siblings stay', async () => {
  await using registry = await startDigestRegistry()
  await removeTag(registry.server)
  expect([...registry.tags]).toEqual([['two', image]])
  const [config, placeholder] = [...registry.blobs.keys(), ...registry.deleted]
  expect(requestLines(registry.server)).toEqual([
    'GET /v2/a/manifests/one',
    'DELETE /v2/a/manifests/one',
    `DELETE /v2/a/manifests/${placeholder}`,
    'POST /v2/a/blobs/uploads/',
    `PUT /v2/a/blobs/uploads/1?digest=${encodeURIComponent(config!)}`,
    'PUT /v2/a/manifests/one',
    `DELETE /v2/a/manifests/${placeholder}`,
  ])
})

test.each<[string, DigestRegistryOptions, string]>([
  ['deletes nothing', { digestAnswer: () => httpAnswer(405) }, 'UNSUPPORTED'],
  ['denies', { tagAnswer: () => httpAnswer(403) }, 'DENIED'],
  ['lets nobody in', { tagAnswer: () => httpAnswer(401) }, 'UNAUTHENTICATED'],
  ['fails in the end', { digestAnswer: (count) => httpAnswer(count === 1 ? 404 : 500) }, 'PROTOCOL'],
])('one that %s leaves the tag where it was', async (_, options, code) => {
  await using registry = await startDigestRegistry(options)
  await expect(removeTag(registry.server)).rejects.toSatisfy((error) => TransloadError.is(error, code))
  expect(registry.tags.get('one')).toEqual(image)
})

test('what is not there, and what is no tag', async () => {
  await using registry = await startDigestRegistry()
  await expect(removeTag(registry.server, 'a:three')).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
  await expect(removeTag(registry.server, `a@${image.digest}`)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
})

interface DigestRegistryOptions {
  readonly tagAnswer?: () => string
  /** In place of deleting; `count` is how often it was asked to. */
  readonly digestAnswer?: (count: number) => string
}

/** Deletes manifests by digest alone, as docker-registry does. Repository `a`, tags `one` and `two` of one image. */
async function startDigestRegistry({
  tagAnswer = () => httpAnswer(400, {}, { errors: [{ code: 'DIGEST_INVALID', message: 'no digest' }] }),
  digestAnswer,
}: DigestRegistryOptions = {}): Promise<
  AsyncDisposable & {
    readonly server: RawServer
    readonly tags: ReadonlyMap<string, RawManifest>
    readonly blobs: ReadonlyMap<string, Buffer>
    readonly deleted: readonly string[]
  }
> {
  const tags = new Map<string, RawManifest>([
    ['one', image],
    ['two', image],
  ])
  const blobs = new Map<string, Buffer>()
  const deleted: string[] = []
  let asked = 0
  const deleteDigest = (digest: string): string => {
    const named = [...tags].filter(([, manifest]) => manifest.digest === digest)
    if (named.length === 0) return httpAnswer(404, {}, { errors: [{ code: 'MANIFEST_UNKNOWN' }] })
    for (const [tag] of named) tags.delete(tag)
    deleted.push(digest)
    return httpAnswer(202)
  }
  const server = await startFakeRegistry(async ({ method, path, headers, readBody }) => {
    const ref = path.split('/').at(-1)!
    if (method === 'POST') return httpAnswer(202, { Location: '/v2/a/blobs/uploads/1' })
    if (path.startsWith('/v2/a/blobs/')) {
      const body = await readBody()
      blobs.set(digestOf(body), body)
      return httpAnswer(201)
    }
    if (method === 'PUT') {
      tags.set(ref, rawManifest(await readBody(), headers['content-type']))
      return httpAnswer(201)
    }
    if (method === 'DELETE') return ref.includes(':') ? (digestAnswer?.(++asked) ?? deleteDigest(ref)) : tagAnswer()
    const found = tags.get(ref)
    return found === undefined
      ? httpAnswer(404)
      : httpAnswer(200, { 'Content-Type': found.mediaType }, Buffer.from(found.bytes).toString())
  })
  return { server, tags, blobs, deleted, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}
