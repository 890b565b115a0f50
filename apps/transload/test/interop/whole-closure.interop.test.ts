import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf, parseManifest, rawManifest, type Digest } from '@transload/contract'
import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Outcome } from '../run-cli.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'oras', 'cosign')

/** An index in a registry without the referrers API, and what the real programs attached to it. */
interface Original {
  /** `HOST/REPOSITORY` */
  readonly repository: string
  readonly index: Digest
  readonly children: readonly Digest[]
  /** What cosign attached by a tag. */
  readonly sbom: Digest
  /** What oras attached to what oras attached. */
  readonly nested: { readonly subject: Digest; readonly digest: Digest }
}

let site: Site
let original: Original
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  original = await makeOriginal(`${site.registries.docker}/closure/original`)
}, 300_000)
afterAll(() => site?.[Symbol.asyncDispose]())

describe.skipIf(missing)(`copy --with-referrers ${missing ?? ''}`, () => {
  test('loses nothing through a registry with the API, a layout and an archive to one without', async () => {
    const served = `docker://${site.registries.transload}/closure/served:v1`
    const layout = `oci:${site.newPath()}:v1`
    const archive = `oci-archive:${site.newPath()}`
    const repository = `${site.registries.docker}/closure/copied`
    const route = [`docker://${original.repository}:v1`, served, layout, archive, `docker://${repository}:v1`]
    for (const [leg, to] of route.slice(1).entries()) await copyAll(route[leg]!, to)
    await expectAll(`${site.registries.transload}/closure/served`)
    await expectAll(repository)
    expect(await digestAt(`${repository}:v1`)).toBe(original.index)
  })

  test('cosign loads what a layout has of it, and saves what can be copied', async () => {
    const layout = site.newPath()
    await copyAll(`docker://${original.repository}:v1`, `oci:${layout}:v1`)
    const loaded = `${site.registries.docker}/closure/loaded`
    await cosign(['load', '--dir', layout, ...insecure, `${loaded}:v1`])
    const saved = site.newPath()
    await cosign(['save', '--dir', saved, ...insecure, `${original.repository}:v1`])
    const copied = `${site.registries.docker}/closure/saved`
    await copyAll(`oci:${saved}`, `docker://${copied}:v1`)
    for (const repository of [loaded, copied]) {
      const image = `${repository}@${original.index}`
      expect(await cosign(['verify', ...byKey, forms[0], image])).toContain(original.index)
      expect(await cosign(['verify-attestation', '--type', 'custom', ...byKey, forms[0], image])).toContain('payload')
    }
  })

  test.each(['docker', 'transload'] as const)(
    'a second time writes none of it, in the registry of %s',
    async (name) => {
      const places = [`docker://${original.repository}:v1`, `docker://${site.registries[name]}/closure/twice:v1`]
      await copyAll(places[0]!, places[1]!)
      const { output } = await succeeding(
        site.transload.run(['--debug', 'copy', ...withReferrers, ...bothInsecure, ...places]),
      )
      expect(output).toContain('Found all ')
      const written = output.split('\n').flatMap((line) => / PUT .*\/manifests\/(\S+): /.exec(line)?.[1] ?? [])
      expect(written.filter((ref) => ref !== 'v1' && !original.children.some((digest) => digest === ref))).toEqual([])
    },
  )

  test('brings signatures that are read as such to a layout, which holds none but these', async () => {
    const configuration = site.newPath()
    await mkdir(configuration)
    await writeFile(join(configuration, 'attachments.yaml'), 'default-docker: {use-sigstore-attachments: true}')
    const copy = async (flags: readonly string[]): Promise<Outcome> =>
      await site.transload.run([
        '--registries.d',
        configuration,
        'copy',
        '-q',
        '--all',
        '--src-tls-verify=false',
        ...flags,
        `docker://${original.repository}:v1`,
        `oci:${site.newPath()}:v1`,
      ])
    expect((await copy([])).output).toContain('To copy them as they are attached to the image use --with-referrers')
    expect(await copy(['--with-referrers'])).toMatchObject({ code: 0 })
  })

  test('the plan lists all of it and writes nothing', async () => {
    const layout = site.newPath()
    const { stdout } = await succeeding(
      site.transload.copy([...withReferrers, '--dry-run'], `docker://${original.repository}:v1`, `oci:${layout}:v1`),
    )
    const { referrers } = JSON.parse(stdout) as {
      referrers: { tags?: string[]; subject?: string; manifest: { digest: string } }[]
    }
    expect(referrers.flatMap(({ tags = [] }) => tags).sort()).toEqual(await attachedTags(original.repository))
    expect(referrers).toContainEqual(
      expect.objectContaining({
        subject: original.nested.subject,
        manifest: expect.objectContaining({ digest: original.nested.digest, artifactType: 'test/nested' }) as object,
      }),
    )
    await expect(readFile(join(layout, 'index.json'))).rejects.toThrow('ENOENT')
  })

  test.each(['dir', 'docker-archive'])('is refused by %s:, which could not keep it', async (scheme) => {
    const { code, output } = await site.transload.copy(
      scheme === 'dir' ? withReferrers : ['--with-referrers'],
      `docker://${original.repository}:v1`,
      `${scheme}:${site.newPath()}`,
    )
    expect(code).toBe(1)
    expect(output).toContain(`Storing referrers for ${scheme}: images is not supported; these would be lost: `)
    expect(output).toContain('.sig')
  })

  test('and without it cosign finds nothing on the far side', async () => {
    const repository = `${site.registries.docker}/closure/alone`
    await succeeding(site.transload.copy(['--all'], `docker://${original.repository}:v1`, `docker://${repository}:v1`))
    await expect(cosign(['verify', ...byKey, `${repository}@${original.index}`])).rejects.toThrow('no signatures found')
  })
})

async function copyAll(from: string, to: string): Promise<void> {
  await succeeding(site.transload.copy(withReferrers, from, to))
}

/** All that was attached to the original is at the copy, and proves what it did. */
async function expectAll(repository: string): Promise<void> {
  const { index, children, sbom, nested } = original
  for (const digest of [index, ...children]) {
    for (const form of forms) {
      expect(await cosign(['verify', ...byKey, form, `${repository}@${digest}`])).toContain(digest)
    }
  }
  for (const form of forms) {
    const words = ['verify-attestation', '--type', 'custom', ...byKey, form, `${repository}@${index}`]
    expect(await cosign(words)).toContain('payload')
  }
  expect(await cosign(['verify', ...byKey, forms[0], `${repository}@${sbom}`])).toContain(sbom)
  expect(await attachedTags(repository)).toEqual(await attachedTags(original.repository))
  for (const tag of await attachedTags(repository)) {
    expect(await digestAt(`${repository}:${tag}`)).toBe(await digestAt(`${original.repository}:${tag}`))
  }
  for (const subject of [index, ...children, nested.subject]) {
    expect(await discover(`${repository}@${subject}`)).toEqual(await discover(`${original.repository}@${subject}`))
  }
  expect(await discover(`${repository}@${nested.subject}`)).toEqual([nested.digest])
}

const withReferrers = ['--all', '--with-referrers'] as const
const bothInsecure = ['--src-tls-verify=false', '--dest-tls-verify=false'] as const

/** What cosign made until version 2, by tags, and what it makes since. */
const forms = ['--new-bundle-format=false', '--new-bundle-format=true'] as const
const insecure = ['--allow-insecure-registry', '--allow-http-registry'] as const
const offline = ['--use-signing-config=false', '--tlog-upload=false', '--yes'] as const
const byKey = ['--key', 'cosign.pub', '--insecure-ignore-tlog', ...insecure] as const

async function cosign(words: readonly string[]): Promise<string> {
  const env = { ...process.env, COSIGN_PASSWORD: '', HOME: site.folder }
  return await peer('cosign').output(words, { cwd: site.folder, env })
}

async function makeOriginal(repository: string): Promise<Original> {
  await succeeding(site.skopeo.copy(['--all'], testImage('index-oci'), `docker://${repository}:v1`))
  const index = await rawAt(`${repository}:v1`)
  const manifest = parseManifest(index)
  const children = manifest.kind === 'index' ? manifest.manifests.map(({ digest }) => digest) : []
  await cosign(['generate-key-pair'])
  await writeFile(join(site.folder, 'predicate.json'), '{"is":"true"}')
  await writeFile(join(site.folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}')
  const image = `${repository}@${index.digest}`
  const key = ['--key', 'cosign.key', ...offline, ...insecure]
  for (const form of forms) {
    await cosign(['sign', '--recursive', ...key, form, image])
    await cosign(['attest', '--type', 'custom', '--predicate', 'predicate.json', ...key, form, image])
  }
  await cosign(['attach', 'sbom', '--sbom', 'sbom.json', ...insecure, image])
  const { digest: sbom } = await rawAt(`${repository}:${index.digest.replace(':', '-')}.sbom`)
  await cosign(['sign', ...key, forms[0], `${repository}@${sbom}`])
  const subject = await attach(image, 'test/artifact')
  const digest = await attach(`${repository}@${subject}`, 'test/nested')
  return { repository, index: index.digest, children, sbom, nested: { subject, digest } }
}

async function attach(image: string, type: string): Promise<Digest> {
  await writeFile(join(site.folder, 'attached.txt'), type)
  const words = [
    'attach',
    '--plain-http',
    '--artifact-type',
    type,
    '--format',
    'json',
    image,
    'attached.txt:text/plain',
  ]
  const { digest } = JSON.parse(await peer('oras').output(words, { cwd: site.folder })) as { digest: Digest }
  return digest
}

async function discover(image: string): Promise<readonly Digest[]> {
  const output = await peer('oras').output(['discover', '--plain-http', '--format', 'json', '--depth', '1', image])
  const { referrers = [] } = JSON.parse(output) as { referrers?: readonly { readonly digest: Digest }[] }
  return referrers.map(({ digest }) => digest).sort()
}

/** In order. */
async function attachedTags(repository: string): Promise<readonly string[]> {
  const { stdout } = await succeeding(site.skopeo.run(['list-tags', '--tls-verify=false', `docker://${repository}`]))
  const { Tags: tags } = JSON.parse(stdout) as { Tags: readonly string[] }
  return tags.filter((tag) => /\.(sig|att|sbom)$/.test(tag)).sort()
}

async function rawAt(image: string): Promise<ReturnType<typeof rawManifest>> {
  const { stdout } = await succeeding(site.skopeo.run(['inspect', '--raw', '--tls-verify=false', `docker://${image}`]))
  return rawManifest(Buffer.from(stdout))
}

async function digestAt(image: string): Promise<Digest> {
  return digestOf((await rawAt(image)).bytes)
}
