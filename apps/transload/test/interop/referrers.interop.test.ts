import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'oras', 'cosign')

let site: Site
beforeAll(async () => {
  if (!missing) site = await openSite()
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

/** With the referrers API, and without. */
const registries = ['transload', 'docker'] as const

describe.skipIf(missing)(`referrers that oras attached ${missing ?? ''}`, () => {
  test.each(registries)('are listed, in the registry of %s', async (registry) => {
    const name = `${site.registries[registry]}/referrers/listed:v1`
    await succeeding(site.skopeo.copy([], testImage('base'), `docker://${name}`))
    await attach(name, 'test/sbom', 'one')
    await attach(name, 'test/signature', 'two')
    const discovered = await discover(name)
    expect(discovered.map(({ artifactType }) => artifactType).sort()).toEqual(['test/sbom', 'test/signature'])
    const list = ['referrers', '--tls-verify=false', `docker://${name}`]
    const { stdout } = await succeeding(site.transload.run(['--json', ...list]))
    const { referrers } = JSON.parse(stdout) as { referrers: unknown }
    expect(referrers).toEqual(
      expect.arrayContaining(discovered.map((each) => expect.objectContaining(each) as unknown)),
    )
    const one = discovered.find(({ artifactType }) => artifactType === 'test/sbom')!
    const filtered = await succeeding(site.transload.run([...list, '--artifact-type', 'test/sbom']))
    expect(filtered.stdout).toBe(`${one.digest} test/sbom\n`)
  })

  test('are listed, in a layout', async () => {
    const layout = site.newPath()
    await succeeding(site.skopeo.copy([], testImage('base'), `oci:${layout}:v1`))
    await attach(`${layout}:v1`, 'test/sbom', 'one', ['--oci-layout'])
    const [found] = await discover(`${layout}:v1`, ['--oci-layout'])
    const { stdout } = await succeeding(site.transload.run(['referrers', `oci:${layout}:v1`]))
    expect(stdout).toBe(`${found!.digest} test/sbom\n`)
  })
})

describe.skipIf(missing)(`copy --with-referrers ${missing ?? ''}`, () => {
  test('from one registry to a layout, an archive and another registry: oras finds all of them', async () => {
    const from = `${site.registries.transload}/referrers/copied:v1`
    await succeeding(site.skopeo.copy(['--all'], testImage('index-oci'), `docker://${from}`))
    await attach(from, 'test/sbom', 'sbom')
    const [sbom] = await discover(from)
    await attach(`${from.replace(/:v1$/, '')}@${sbom!.digest}`, 'test/signature', 'signature')
    const layout = site.newPath()
    const archive = site.newPath()
    const to = `${site.registries.docker}/referrers/copied:v1`
    const copy = (source: string, destination: string) =>
      succeeding(site.transload.copy(['--all', '--with-referrers'], source, destination))
    await copy(`docker://${from}`, `oci:${layout}:v1`)
    await copy(`oci:${layout}:v1`, `oci-archive:${archive}:v1`)
    await copy(`oci-archive:${archive}:v1`, `docker://${to}`)
    for (const [name, flags] of [
      [`${layout}:v1`, ['--oci-layout']],
      [to, ['--plain-http']],
    ] as const) {
      expect(await discover(name, flags)).toEqual([sbom])
      const ofSbom = `${name.replace(/:v1$/, '')}@${sbom!.digest}`
      expect(await discover(ofSbom, flags)).toMatchObject([{ artifactType: 'test/signature' }])
    }
    const pulled = site.newPath()
    await peer('oras').output(['pull', '--plain-http', '-o', pulled, `${to.replace(/:v1$/, '')}@${sbom!.digest}`])
    expect(await readFile(join(pulled, 'sbom.txt'), 'utf8')).toBe('sbom')
  })

  test('what cosign signed, it verifies in a registry without the referrers API', async () => {
    const from = `${site.registries.transload}/referrers/signed`
    const to = `${site.registries.docker}/referrers/signed`
    await succeeding(site.skopeo.copy([], testImage('base'), `docker://${from}:v1`))
    const { stdout } = await succeeding(site.transload.inspect([], `docker://${from}:v1`))
    const { Digest: digest } = JSON.parse(stdout) as { Digest: string }
    const options = { cwd: site.folder, env: { ...process.env, COSIGN_PASSWORD: '', HOME: site.folder } }
    const insecure = ['--allow-insecure-registry', '--allow-http-registry']
    const offline = ['--use-signing-config=false', '--tlog-upload=false', '--yes']
    await peer('cosign').output(['generate-key-pair'], options)
    await peer('cosign').output(['sign', '--key', 'cosign.key', ...offline, ...insecure, `${from}@${digest}`], options)
    const verify = ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', ...insecure, `${to}@${digest}`]
    await succeeding(site.transload.copy([], `docker://${from}:v1`, `docker://${to}:v1`))
    await expect(peer('cosign').output(verify, options)).rejects.toThrow('no signatures found')
    await succeeding(site.transload.copy(['--with-referrers'], `docker://${from}:v1`, `docker://${to}:v1`))
    expect(await peer('cosign').output(verify, options)).toContain(digest)
  })

  test('not to a place that cannot keep them', async () => {
    const layout = site.newPath()
    await succeeding(site.skopeo.copy([], testImage('base'), `oci:${layout}:v1`))
    await attach(`${layout}:v1`, 'test/sbom', 'one', ['--oci-layout'])
    const { code, output } = await site.transload.copy(
      ['--with-referrers'],
      `oci:${layout}:v1`,
      `dir:${site.newPath()}`,
    )
    expect(code).toBe(1)
    expect(output).toContain('Storing referrers for dir: images is not supported')
  })
})

async function attach(name: string, type: string, text: string, flags: readonly string[] = ['--plain-http']) {
  const file = `${text}.txt`
  await writeFile(join(site.folder, file), text)
  await peer('oras').output(['attach', ...flags, '--artifact-type', type, name, `${file}:text/plain`], {
    cwd: site.folder,
  })
}

async function discover(
  name: string,
  flags: readonly string[] = ['--plain-http'],
): Promise<readonly { readonly digest: string; readonly artifactType: string }[]> {
  const output = await peer('oras').output(['discover', ...flags, '--format', 'json', name])
  const { referrers = [] } = JSON.parse(output) as {
    referrers?: { readonly digest: string; readonly artifactType: string }[]
  }
  return referrers.map(({ digest, artifactType }) => ({ digest, artifactType }))
}
