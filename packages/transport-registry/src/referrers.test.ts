import {
  digestOf,
  mediaTypes,
  rawManifest,
  referrerDescriptor,
  type Descriptor,
  type RawManifest,
} from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { createRegistryDestination } from './destination.ts'
import { clientOf, openOptions, requestLines, startFakeRegistry } from './fake-registry.test.kit.ts'
import { httpAnswer, type RawServer } from './http/raw-server.test.kit.ts'
import { parseRegistryReference } from './reference.ts'
import { changeReferrersTag } from './referrers-tag.ts'
import { readReferrers } from './referrers.ts'
import { removeRegistryImage } from './remove-image.ts'

const subject = digestOf(Buffer.from('image'))
const tag = `sha256-${subject.slice('sha256:'.length)}`
const api = `/v2/a/referrers/${subject}`

function referrer(artifactType: string, note = ''): RawManifest {
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: { mediaType: mediaTypes.ociEmpty, digest: digestOf(Buffer.from('{}')), size: 2 },
    layers: [],
    subject: { mediaType: mediaTypes.ociManifest, digest: subject, size: 5 },
    annotations: { note },
  }
  return rawManifest(Buffer.from(JSON.stringify(manifest)), mediaTypes.ociManifest)
}

const [one, two] = [referrerDescriptor(referrer('test/one')), referrerDescriptor(referrer('test/two'))]

function indexAnswer(manifests: readonly Descriptor[], headers: Record<string, string> = {}): string {
  return httpAnswer(
    200,
    { 'Content-Type': mediaTypes.ociIndex, ...headers },
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
  )
}

async function list(server: RawServer, artifactType?: string): Promise<readonly Descriptor[]> {
  await using client = clientOf(server)
  const reference = parseRegistryReference(`//${server.host}/a:1`)
  return await Array.fromAsync(readReferrers(client, reference, subject, { artifactType, log: openOptions().log }))
}

describe('reading', () => {
  test('page by page, filtered even where the registry does not', async () => {
    await using registry = await startFakeRegistry(({ path }) =>
      path.startsWith(api)
        ? path.includes('next')
          ? indexAnswer([two])
          : indexAnswer([one], { Link: `<${api}?next=2>; rel="next"` })
        : undefined,
    )
    expect(await list(registry)).toEqual([one, two])
    expect(await list(registry, 'test/two')).toEqual([two])
    expect(requestLines(registry)).toEqual([
      `GET ${api}`,
      `GET ${api}?next=2`,
      `GET ${api}?artifactType=test%2Ftwo`,
      `GET ${api}?next=2`,
    ])
  })

  test.each([
    ['404', httpAnswer(404)],
    ['a page for people', httpAnswer(200, { 'Content-Type': 'text/html' }, '<html>')],
  ])('%s: by the tag', async (_, answer) => {
    await using registry = await startFakeRegistry(({ path }) =>
      path.startsWith(api) ? answer : indexAnswer([one, two]),
    )
    expect(await list(registry, 'test/one')).toEqual([one])
    expect(requestLines(registry).at(-1)).toBe(`GET /v2/a/manifests/${tag}`)
  })

  test('neither API nor tag: none', async () => {
    await using registry = await startFakeRegistry(() => httpAnswer(404))
    expect(await list(registry)).toEqual([])
  })

  test.each<[string, string, string]>([
    ['a registry that fails', httpAnswer(500), 'PROTOCOL'],
    ['one that lets nobody in', httpAnswer(401), 'UNAUTHENTICATED'],
    ['a page that is its own next', indexAnswer([], { Link: `<${api}>; rel="next"` }), 'PROTOCOL'],
    ['an index of anything', indexAnswer([{ digest: 'x' } as never]), 'MANIFEST_INVALID'],
  ])('%s is an error', async (_, answer, code) => {
    await using registry = await startFakeRegistry(() => answer)
    await expect(list(registry)).rejects.toMatchObject({ code })
  })

  test('a tag that is an image is an error', async () => {
    const image = httpAnswer(200, { 'Content-Type': mediaTypes.ociManifest }, '{"schemaVersion":2}')
    await using registry = await startFakeRegistry(({ path }) => (path === api ? httpAnswer(404) : image))
    await expect(list(registry)).rejects.toMatchObject({ code: 'PROTOCOL' })
  })
})

describe('writing', () => {
  test('a registry with the API needs no tag', async () => {
    await using registry = await startFakeRegistry(() => httpAnswer(201, { 'OCI-Subject': subject }))
    await write(registry, referrer('test/one'))
    expect(requestLines(registry)).toEqual(['PUT /v2/a/manifests/1'])
  })

  test('nor one with the API that does not say so', async () => {
    await using registry = await startFakeRegistry(({ path }) => (path === api ? indexAnswer([]) : httpAnswer(201)))
    await write(registry, referrer('test/one'))
    expect(requestLines(registry)).toEqual(['PUT /v2/a/manifests/1', `GET ${api}`])
  })

  test('one without is given the tag, which keeps what it has', async () => {
    await using registry = await startTagRegistry([two])
    await write(registry.server, referrer('test/one'))
    expect(registry.index()).toMatchObject({ custom: true, manifests: [two, one] })
    await write(registry.server, referrer('test/one'))
    expect(registry.index()).toMatchObject({ manifests: [two, one] })
  })

  test('many at once all arrive', async () => {
    await using registry = await startTagRegistry([])
    await using client = clientOf(registry.server)
    const reference = parseRegistryReference(`//${registry.server.host}/a:1`)
    const notes = ['1', '2', '3', '4', '5', '6', '7']
    const all = notes.map((note) => referrerDescriptor(referrer('test/one', note)))
    await Promise.all(all.map((each) => changeReferrersTag(client, reference, subject, { add: [each] }, openOptions())))
    expect(registry.index()).toMatchObject({ manifests: all })
  })

  test.each<[string, boolean]>([
    ['is turned down by its ETag', true],
    ['overwrites, and is seen to have been overwritten', false],
  ])('somebody else in between: a write %s', async (_, heedsEtags) => {
    await using registry = await startTagRegistry([], { heedsEtags, othersWrite: [two] })
    await write(registry.server, referrer('test/one'))
    const { manifests } = registry.index() as { manifests: Descriptor[] }
    expect(manifests).toEqual([two, one])
  })

  test('somebody else again and again', async () => {
    await using registry = await startTagRegistry([], { othersWrite: Array.from({ length: 9 }, () => two) })
    await expect(write(registry.server, referrer('test/one'))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    })
  })

  test('one that is removed is taken off', async () => {
    const manifest = referrer('test/one')
    await using registry = await startTagRegistry([two, one])
    registry.manifests.set(manifest.digest, manifest)
    await using client = clientOf(registry.server)
    const reference = parseRegistryReference(`//${registry.server.host}/a@${manifest.digest}`)
    await removeRegistryImage(client, reference, openOptions())
    expect(registry.index()).toMatchObject({ manifests: [two] })
  })
})

async function write(server: RawServer, manifest: RawManifest): Promise<void> {
  await using client = clientOf(server)
  const reference = parseRegistryReference(`//${server.host}/a:1`)
  await using destination = createRegistryDestination(client, reference, openOptions())
  await destination.writeManifest(manifest, { root: true })
  await destination.commit()
}

/**
 * Knows no referrers API. `othersWrite`: after each of the first writes of the tag (before it, where ETags are heeded)
 * somebody else writes it, with this alone.
 */
async function startTagRegistry(
  listed: readonly Descriptor[],
  { heedsEtags = false, othersWrite = [] }: { heedsEtags?: boolean; othersWrite?: readonly Descriptor[] } = {},
): Promise<
  AsyncDisposable & {
    readonly server: RawServer
    readonly manifests: Map<string, RawManifest>
    readonly index: () => unknown
  }
> {
  const manifests = new Map([[tag, indexOf(listed)]])
  const others = [...othersWrite]
  const server = await startFakeRegistry(async ({ method, path, headers, readBody }) => {
    const ref = path.split('/').at(-1)!
    const found = manifests.get(ref)
    if (path.startsWith('/v2/a/referrers/')) return httpAnswer(404)
    if (method === 'DELETE') return httpAnswer(manifests.delete(ref) ? 202 : 404)
    if (method === 'GET') {
      if (!found) return httpAnswer(404)
      const head = { 'Content-Type': found.mediaType, ETag: `"${found.digest}"` }
      return httpAnswer(200, head, Buffer.from(found.bytes).toString())
    }
    const body = rawManifest(await readBody(), headers['content-type'])
    const other = ref === tag ? others.shift() : undefined
    if (other && heedsEtags) manifests.set(tag, indexOf([other]))
    if (heedsEtags && ref === tag && headers['if-match'] !== `"${manifests.get(tag)!.digest}"`) return httpAnswer(412)
    manifests.set(ref, other ? indexOf([other]) : body)
    return httpAnswer(201)
  })
  return {
    server,
    manifests,
    index: () => JSON.parse(Buffer.from(manifests.get(tag)!.bytes).toString()) as unknown,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

function indexOf(manifests: readonly Descriptor[]): RawManifest {
  return rawManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, custom: true, manifests })), mediaTypes.ociIndex)
}
