import { join } from 'node:path'

import { requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage, type Outcome } from '../run-cli.ts'
import { imageCases, isTaken, makeSiteImages } from './image-cases.ts'
import { places } from './places.ts'
import { openSite, succeeding, type Mover, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'oras')

let site: Site
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  await makeSiteImages(site)
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

// All of them where names are and where they are not; elsewhere the first, which reads all that the others read.
const outputs: readonly (readonly string[])[] = [[], ['--raw'], ['--config'], ['--config', '--raw']]
const cases = imageCases.filter(({ indexOnly }) => !indexOnly)

describe.skipIf(missing).each(places)(`inspect prints what skopeo prints: $name ${missing ?? ''}`, (place) => {
  const taken = cases.filter((imageCase) => isTaken(imageCase, place))
  test.each(taken)('$name', async ({ flags, label, name, source }) => {
    const image = await place.imageName(site, 'skopeo', label)
    await succeeding(site.skopeo.copy(flags, source(site), image))
    for (const output of place.name === 'docker-registry' || place.name === 'dir' ? outputs : [[]]) {
      const theirs = await readAnswer(site.skopeo, output, image)
      expect(await readAnswer(site.transload, output, image)).toEqual(theirs)
      expect(theirs.code).toBe(name === 'artifact' && !output.includes('--raw') ? 1 : 0)
    }
  })
})

describe.skipIf(missing)(`of a list ${missing ?? ''}`, () => {
  test.each([
    ['index-oci', 'arm64'],
    ['index-oci', 'arm'],
    ['index-docker', 'arm64'],
    ['index-docker', 'arm'],
  ] as const)('%s: the image for %s', async (name, architecture) => {
    const flags = ['--override-arch', architecture]
    const ours = await succeeding(site.transload.inspect(flags, testImage(name)))
    expect(ours.stdout).toBe((await succeeding(site.skopeo.inspect(flags, testImage(name)))).stdout)
    expect(JSON.parse(ours.stdout)).toMatchObject({ Architecture: architecture })
  })

  test.each(['index-oci', 'index-docker'] as const)('%s: no image for a platform', async (name) => {
    const flags = ['--override-arch', 'riscv64']
    const theirs = await readAnswer(site.skopeo, flags, testImage(name))
    expect(await readAnswer(site.transload, flags, testImage(name))).toEqual(theirs)
    expect(theirs.code).toBe(1)
  })
})

describe.skipIf(missing)(`other output ${missing ?? ''}`, () => {
  test.each(['docker', 'transload'] as const)('inspect --no-tags: %s registry', async (kind) => {
    const image = `docker://${site.registries[kind]}/app:v1`
    await succeeding(site.skopeo.copy([], testImage('repeated'), image))
    const ours = await succeeding(site.transload.inspect(['--no-tags'], image))
    expect(ours.stdout).toBe((await succeeding(site.skopeo.inspect(['--no-tags'], image))).stdout)
  })

  test.each(places.filter(({ name }) => name !== 'oci' && name !== 'oci-archive' && name !== 'dir'))(
    'list-tags: $name',
    async (place) => {
      const image = await place.imageName(site, 'skopeo', 'tagged')
      const from = testImage('repeated')
      await succeeding(site.skopeo.copy(['--additional-tag', 'example.com/app:other'], from, image))
      if (image.startsWith('docker:')) await succeeding(site.skopeo.copy([], from, image.replace(/v1$/, 'other')))
      const words = ['list-tags', '--tls-verify=false', image.replace(/(?<=^docker:.*):v1$/, '')]
      const ours = await succeeding(site.transload.run(words))
      expect(ours.stdout).toBe((await succeeding(site.skopeo.run(words))).stdout)
      expect(ours.stdout).toContain('other"')
    },
  )

  test('manifest-digest', async () => {
    const directory = site.newPath()
    await succeeding(site.skopeo.copy(['--all'], testImage('index-oci'), `dir:${directory}`))
    const words = ['manifest-digest', join(directory, 'manifest.json')]
    const ours = await succeeding(site.transload.run(words))
    expect(ours.stdout).toBe((await succeeding(site.skopeo.run(words))).stdout)
  })

  test.each(places)('an image that is not there: $name', async (place) => {
    const image = await place.imageName(site, 'skopeo', 'none')
    const ours = await site.transload.inspect([], image)
    const theirs = await site.skopeo.inspect([], image)
    expect(ours.code).toBe(theirs.code)
    // skopeo opens a directory without looking into it, and names another step for archives.
    const steps = /^Error (parsing image name "[^"]*"|retrieving manifest for image): (creating temp directory: )?/
    expect(fatalMessage(ours).replace(steps, '')).toBe(fatalMessage(theirs).replace(steps, ''))
  })
})

/** What a program answers to `inspect`: when it refuses, the message is part of it. */
async function readAnswer(
  mover: Mover,
  flags: readonly string[],
  image: string,
): Promise<Pick<Outcome, 'code' | 'stdout'> & { readonly flags: readonly string[]; readonly message?: string }> {
  const outcome = await mover.inspect(flags, image)
  const { code, stdout } = outcome
  return { flags, code, stdout, ...(code !== 0 && { message: fatalMessage(outcome) }) }
}
