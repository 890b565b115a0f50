import {
  digestOf,
  mediaTypes,
  rawManifest,
  referrerDescriptor,
  type Descriptor,
  type ImageDestination,
  type RawManifest,
} from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { createRegistryDestination } from './destination.ts'
import { clientOf, openOptions, requestLines, startFakeRegistry, withoutSignatures } from './fake-registry.test.kit.ts'
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

const image = rawManifest(
  Buffer.from(JSON.stringify({ schemaVersion: 2, config: { mediaType: mediaTypes.ociEmpty }, layers: [] })),
  mediaTypes.ociManifest,
)
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
    const answer = httpAnswer(200, { 'Content-Type': mediaTypes.ociManifest }, '{"schemaVersion":2}')
    await using registry = await startFakeRegistry(({ path }) => (path === api ? httpAnswer(404) : answer))
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

  test('all of a subject are listed in one write, when they are committed', async () => {
    await using registry = await startTagRegistry([])
    await using opened = await openTagDestination(registry.server)
    const all = ['1', '2', '3'].map((note) => referrer('test/one', note))
    for (const each of all) await opened.destination.writeManifest(each, { root: false, referrer: true })
    expect(registry.index()).toMatchObject({ manifests: [] })
    await opened.destination.writeManifest(image, { root: true })
    await opened.destination.commit()
    expect(registry.index()).toMatchObject({ manifests: all.map(referrerDescriptor) })
    const puts = requestLines(registry.server).filter((line) => line.startsWith('PUT'))
    const refs = [...all.map(({ digest }) => digest), tag, '1']
    expect(puts).toEqual(refs.map((ref) => `PUT /v2/a/manifests/${ref}`))
    const found = await Array.fromAsync(opened.destination.readReferrers!(subject))
    expect(found).toEqual(all.map(referrerDescriptor))
  })

  test('what is there already is not written again, but listed', async () => {
    const manifest = referrer('test/one')
    await using registry = await startTagRegistry([])
    registry.manifests.set(manifest.digest, manifest)
    await using opened = await openTagDestination(registry.server)
    await opened.destination.writeManifest(manifest, { root: false, referrer: true })
    await opened.destination.writeManifest(image, { root: true })
    await opened.destination.commit()
    expect(registry.index()).toMatchObject({ manifests: [one] })
    const about = requestLines(registry.server).filter((line) => line.endsWith(manifest.digest))
    expect(about).toEqual([`HEAD /v2/a/manifests/${manifest.digest}`])
  })

  test('a manifest under a tag beside the image is there at once, and read by that', async () => {
    await using registry = await startTagRegistry([])
    await using opened = await openTagDestination(registry.server)
    const { destination } = opened
    expect(await destination.readTagged!('beside')).toBeUndefined()
    await destination.writeManifest(image, { root: false, tag: 'beside' })
    expect(await destination.readTagged!('beside')).toEqual(image)
  })

  test.each([
    [403, { errors: [{ code: 'DENIED', message: 'no' }] }, 'DENIED'],
    [500, '', 'PROTOCOL'],
  ])('a tag that cannot be read is an error: %i', async (status, body, code) => {
    await using server = await startFakeRegistry(() => httpAnswer(status, {}, body))
    await using opened = await openTagDestination(server)
    await expect(opened.destination.readTagged!('beside')).rejects.toMatchObject({ code })
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
  await using opened = await openTagDestination(server)
  await opened.destination.writeManifest(manifest, { root: true })
  await opened.destination.commit()
}

async function openTagDestination(
  server: RawServer,
): Promise<AsyncDisposable & { readonly destination: ImageDestination }> {
  const client = clientOf(server)
  const reference = parseRegistryReference(`//${server.host}/a:1`)
  const destination = createRegistryDestination(client, reference, openOptions(), withoutSignatures(reference))
  return { destination, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() }
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
    if (method === 'GET' || method === 'HEAD') {
      if (!found) return 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
      if (method === 'HEAD') return `HTTP/1.1 200 OK\r\nDocker-Content-Digest: ${found.digest}\r\n\r\n`
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
