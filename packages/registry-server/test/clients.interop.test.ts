import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers } from '@transload/peers'
import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const missing = requirePeers('skopeo', 'crane', 'oras', 'umoci')

/** The tools of the Debian root see it. */
let directory: string
let server: RegistryServer
let layout: string
beforeAll(async () => {
  if (missing) return
  directory = await mkdtemp('/tmp/registry-server-')
  layout = join(directory, 'layout')
  server = await startRegistryServer({ directory: layout })
  const image = join(directory, 'made')
  await peer('umoci').output(['init', '--layout', image])
  await peer('umoci').output(['new', '--image', `${image}:one`])
  await writeFile(join(directory, 'file'), 'content')
  await peer('umoci').output(['insert', '--image', `${image}:one`, join(directory, 'file'), '/file'])
  await skopeo('copy', '--dest-tls-verify=false', `oci:${image}:one`, `docker://${server.host}/team/app:v1`)
}, 60_000)
afterAll(async () => {
  if (missing) return
  await server.close()
  await rm(directory, { recursive: true, force: true })
})

describe.skipIf(missing)(`clients ${missing ?? ''}`, () => {
  test('skopeo reads, mounts, lists and deletes', async () => {
    const { host } = server
    const image = `docker://${host}/team/app:v1`
    const tls = ['--src-tls-verify=false', '--dest-tls-verify=false']
    await skopeo('copy', ...tls, image, `docker://${host}/team/copy:v1`)
    await skopeo('copy', ...tls, '--format=v2s2', image, `docker://${host}/team/copy:v2`)
    const tags = JSON.parse(await skopeo('list-tags', '--tls-verify=false', `docker://${host}/team/copy`)) as object
    expect(tags).toMatchObject({ Tags: ['v1', 'v2'] })
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', image)
    expect(await skopeo('inspect', '--raw', `oci:${layout}:team/copy:v1`)).toBe(raw)
    await skopeo('delete', '--tls-verify=false', `docker://${host}/team/copy:v1`)
    await expect(skopeo('inspect', '--tls-verify=false', `docker://${host}/team/copy:v1`)).rejects.toThrow(
      /manifest unknown/,
    )
  })

  test('what skopeo writes into the layout meanwhile is served', async () => {
    const image = `docker://${server.host}/team/app:v1`
    await skopeo('copy', '--src-tls-verify=false', image, `oci:${layout}:team/beside:v1`)
    expect(await crane('ls', `${server.host}/team/beside`)).toBe('v1\n')
  })

  test('crane copies, validates, tags and deletes', async () => {
    const target = `${server.host}/crane/app`
    await crane('copy', `${server.host}/team/app:v1`, `${target}:v1`)
    await crane('tag', `${target}:v1`, 'v2')
    await crane('validate', '--remote', `${target}:v2`)
    await crane('delete', `${target}:v2`)
    expect(await crane('ls', target)).toBe('v1\n')
    expect(await crane('catalog', server.host)).toContain('crane/app\n')
  })

  test('oras attaches and finds artifacts', async () => {
    const image = `${server.host}/team/app:v1`
    const file = `${join(directory, 'file')}:text/plain`
    await oras('attach', '--plain-http', '--disable-path-validation', '--artifact-type=application/x.sbom', image, file)
    expect(await oras('discover', '--plain-http', image)).toContain('application/x.sbom')
  })

  test('skopeo logs in, with passwords and with tokens', async () => {
    const htpasswd = await htpasswdLine('alice', 'sesam', 4)
    for (const scheme of ['basic', 'token'] as const) {
      await using guarded = await startRegistryServer({ directory: layout, auth: { htpasswd, scheme } })
      const image = `docker://${guarded.host}/team/app:v1`
      const target = `docker://${guarded.host}/${scheme}/app:v1`
      const copy = ['copy', '--src-tls-verify=false', '--dest-tls-verify=false', image, target]
      await skopeo(...copy, '--src-creds=alice:sesam', '--dest-creds=alice:sesam')
      await expect(skopeo(...copy, '--src-creds=alice:sesam', '--dest-creds=alice:wrong')).rejects.toThrow(
        /unauthorized|authentication required/,
      )
      await expect(skopeo('inspect', '--tls-verify=false', target)).rejects.toThrow(
        /unauthorized|authentication required/,
      )
    }
  })
})

function skopeo(...args: string[]): Promise<string> {
  return peer('skopeo').output(['--insecure-policy', ...args])
}

function crane(...args: string[]): Promise<string> {
  return peer('crane').output([...args, '--insecure'])
}

function oras(...args: string[]): Promise<string> {
  return peer('oras').output(args)
}
