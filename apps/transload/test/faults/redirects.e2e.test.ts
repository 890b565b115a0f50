import { createHash } from 'node:crypto'
import { join } from 'node:path'

import { startRegistryServer } from '@transload/registry-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startFaultyRegistry, type FaultyRegistry, type SeenRequest } from './faulty-registry.ts'
import { expectWhole, readPlace } from './place.ts'
import { createScene, type Scene } from './scene.ts'

const password = 'a secret'
const htpasswd = `user:{SHA}${createHash('sha1').update(password).digest('base64')}\n`

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(() => scene[Symbol.asyncDispose]())

/** What of the user's secrets a host was told. */
function authorizations({ requests }: FaultyRegistry): readonly string[] {
  return requests.flatMap(({ authorization }) => authorization ?? [])
}

/** Sends the requests that `concerned` picks to the same path of another host. */
function redirectTo(other: FaultyRegistry, concerned: (request: SeenRequest) => boolean): FaultyRegistry['inject'] {
  return (request) =>
    concerned(request)
      ? { kind: 'answer', status: 307, headers: { location: `http://${other.host}${request.path}` } }
      : undefined
}

describe.concurrent.each(['basic', 'token'] as const)('with %s authentication, credentials stay', (scheme) => {
  it.for([
    ['a layer', '/blobs/'],
    ['a manifest', '/manifests/'],
  ])('when the registry redirects a read of %s to another host', async ([, part]) => {
    await using guarded = await startRegistryServer({
      directory: join(scene.user.home, 'app'),
      readOnly: true,
      auth: { htpasswd, scheme },
    })
    await using registry = await startFaultyRegistry(guarded.host)
    await using other = await scene.startFaulty()
    await using place = await scene.openPlace('oci', 'new')
    registry.inject = redirectTo(
      other,
      ({ path, authorization }) => path.includes(part!) && authorization !== undefined,
    )

    await scene.user.succeed(scene.copyWords(registry.host, place, `--src-creds=user:${password}`))

    expect(authorizations(registry)).not.toEqual([])
    expect(other.requests.map(({ method }) => method)).toContain('GET')
    expect(authorizations(other)).toEqual([])
    expectWhole(await readPlace(place))
  })

  it('when the registry opens an upload on another host', async () => {
    const directory = join(scene.user.home, `uploads-${scheme}`)
    await using guarded = await startRegistryServer({ directory, auth: { htpasswd, scheme } })
    await using registry = await startFaultyRegistry(guarded.host)
    await using stranger = await startFaultyRegistry(guarded.host)
    stranger.inject = () => ({ kind: 'answer', status: 201 })
    registry.inject = ({ method, path, authorization }) =>
      method === 'POST' && path.includes('/blobs/uploads/') && authorization !== undefined
        ? { kind: 'answer', status: 202, headers: { location: `http://${stranger.host}/elsewhere` } }
        : undefined
    const place = { name: `docker://${registry.host}/app:1`, directory, [Symbol.asyncDispose]: async () => undefined }

    const outcome = await scene.user.run(scene.copyWords(scene.registry.host, place, `--dest-creds=user:${password}`))

    // The blobs are not where the registry looks for them, so it turns the manifest down.
    expect(outcome.code).toBe(1)
    expect(authorizations(registry)).not.toEqual([])
    expect(stranger.requests.map(({ method }) => method)).toContain('PUT')
    expect(authorizations(stranger)).toEqual([])
  })
})
