import { mediaTypes, type Descriptor } from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { errorCode, repositoryClient } from '../client.test.kit.ts'
import { temporaryRegistry } from '../registry.test.kit.ts'

describe('tags', () => {
  test('come sorted, in pages if asked for', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    for (const tag of ['b', 'A', 'a', '10', '9']) await client.pushImage(tag, 'one')
    expect(await (await client.request('GET', 'tags/list')).json()).toEqual({
      name: 'team/app',
      tags: ['10', '9', 'A', 'a', 'b'],
    })
    const page = await client.request('GET', 'tags/list?n=2&last=9')
    expect(await page.json()).toEqual({ name: 'team/app', tags: ['A', 'a'] })
    expect(page.headers.get('link')).toBe('</v2/team/app/tags/list?n=2&last=a>; rel="next"')
    const last = await client.request('GET', 'tags/list?n=2&last=a')
    expect([await last.json(), last.headers.get('link')]).toEqual([{ name: 'team/app', tags: ['b'] }, null])
  })

  test('of a repository nobody pushed to are unknown', async () => {
    await using server = await temporaryRegistry()
    const got = await repositoryClient(server.url, 'team/app').request('GET', 'tags/list')
    expect([got.status, await errorCode(got)]).toEqual([404, 'NAME_UNKNOWN'])
  })

  test('cannot be asked for in nonsense numbers', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    await client.pushImage('v1', 'one')
    const got = await client.request('GET', 'tags/list?n=many')
    expect([got.status, await errorCode(got)]).toEqual([400, 'PAGINATION_NUMBER_INVALID'])
  })
})

test('the catalog has every repository with a manifest, in pages', async () => {
  await using server = await temporaryRegistry()
  for (const name of ['b', 'a/x', 'a']) await repositoryClient(server.url, name).pushImage('v1', 'one')
  await repositoryClient(server.url, 'blobs-only').pushBlob('x')
  const first = await fetch(`${server.url}/v2/_catalog?n=2`)
  expect([await first.json(), first.headers.get('link')]).toEqual([
    { repositories: ['a', 'a/x'] },
    '</v2/_catalog?n=2&last=a%2Fx>; rel="next"',
  ])
  const second = await fetch(`${server.url}/v2/_catalog?n=2&last=a%2Fx`)
  expect([await second.json(), second.headers.get('link')]).toEqual([{ repositories: ['b'] }, null])
})

describe('referrers', () => {
  test('are listed with type and annotations, and filtered', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'team/app')
    const image = await client.pushImage('v1', 'one')
    const subject = { mediaType: mediaTypes.ociManifest, digest: image.digest, size: image.bytes.length }
    const sbom = await client.pushImage(undefined, 'sbom', {
      subject,
      artifactType: 'application/sbom',
      annotations: { made: 'today' },
    })
    const other = await client.pushImage('named', 'other', { subject })
    const listed = await client.request('GET', `referrers/${image.digest}`)
    expect([listed.status, listed.headers.get('content-type'), listed.headers.get('oci-filters-applied')]).toEqual([
      200,
      mediaTypes.ociIndex,
      null,
    ])
    const described = [
      {
        mediaType: mediaTypes.ociManifest,
        digest: sbom.digest,
        size: sbom.bytes.length,
        artifactType: 'application/sbom',
        annotations: { made: 'today' },
      },
      {
        mediaType: mediaTypes.ociManifest,
        digest: other.digest,
        size: other.bytes.length,
        artifactType: mediaTypes.ociConfig,
      },
    ].sort((one, two) => (one.digest < two.digest ? -1 : 1))
    expect(await listed.json()).toEqual({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: described })

    const filtered = await client.request('GET', `referrers/${image.digest}?artifactType=application%2Fsbom`)
    expect(filtered.headers.get('oci-filters-applied')).toBe('artifactType')
    const { manifests } = (await filtered.json()) as { manifests: Descriptor[] }
    expect(manifests.map(({ digest }) => digest)).toEqual([sbom.digest])

    expect((await client.request('DELETE', `manifests/${sbom.digest}`)).status).toBe(202)
    const { manifests: left } = (await (await client.request('GET', `referrers/${image.digest}`)).json()) as {
      manifests: Descriptor[]
    }
    expect(left.map(({ digest }) => digest)).toEqual([other.digest])
  })

  test('of what nobody knows are none, not an error', async () => {
    await using server = await temporaryRegistry()
    const client = repositoryClient(server.url, 'nowhere')
    const got = await client.request('GET', `referrers/sha256:${'0'.repeat(64)}`)
    expect([got.status, await got.json()]).toEqual([
      200,
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] },
    ])
    expect((await client.request('GET', 'referrers/nonsense')).status).toBe(400)
  })
})
