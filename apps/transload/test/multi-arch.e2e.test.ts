import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { parseManifest, rawManifest, type Descriptor } from '@transload/contract'
import { startRegistryServer } from '@transload/registry-server'
import {
  attestedIndex,
  fixtureImage,
  fixtureIndex,
  nestedIndex,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from './run-cli.ts'
import { writeToLayout } from './write-image.ts'

const images = { list: fixtureIndex('docker'), index: fixtureIndex(), attested: attestedIndex(), nested: nestedIndex() }

let user: User
beforeAll(async () => {
  user = await createUser()
  for (const [name, image] of Object.entries(images)) await writeToLayout(image, join(user.home, 'images'), name)
})
afterAll(() => user[Symbol.asyncDispose]())

function entriesOf({ root }: Pick<FixtureImage, 'root'>): readonly Descriptor[] {
  const manifest = parseManifest(root)
  return manifest.kind === 'index' ? manifest.manifests : []
}

async function rawOf(image: string): Promise<ReturnType<typeof rawManifest>> {
  return rawManifest(Buffer.from(await user.succeed(['inspect', '--raw', image])))
}

describe('copy --multi-arch=PLATFORMS', () => {
  it('copies these images and the list as it is', async () => {
    const stdout = await user.succeed([
      'copy',
      '--multi-arch=linux/arm64,linux/arm/v7',
      'oci:images:list',
      'dir:sparse',
    ])
    expect(stdout).toContain('Copying 2 images generated from 3 images in list\n')
    expect(stdout).toContain(`Copying image ${images.list.children[2]!.digest} (2/2)\n`)
    const { digest } = await rawOf('dir:sparse')
    expect(digest).toBe(images.list.root.digest)
    expect(await user.succeed(['inspect', '--override-arch=arm64', 'dir:sparse'])).toContain('"Architecture": "arm64"')
  })

  it('strips the others from the list, and keeps attestations', async () => {
    const words = ['-q', '--multi-arch=linux/arm64', '--strip-removed-platforms']
    await user.succeed(['copy', ...words, 'oci:images:attested', 'oci:stripped:a'])
    const [, image, , attestation] = entriesOf(images.attested)
    expect(entriesOf({ root: await rawOf('oci:stripped:a') })).toEqual([image, attestation])
  })

  it('says which platforms there are if one is not', async () => {
    const outcome = await user.run(['copy', '--multi-arch=linux/riscv64', 'oci:images:index', 'dir:none'])
    expect(fatalMessage(outcome)).toBe('preparing instances for copy: no instances found for platform linux/riscv64')
    expect(outcome.stderr).toContain('It has linux/amd64, linux/arm64/v8, linux/arm/v7.')
  })

  it('takes a single image for what its config says', async () => {
    await writeToLayout(fixtureImage(), join(user.home, 'alone'), 'single')
    await user.succeed(['copy', '-q', '--multi-arch=linux/amd64', 'oci:alone:single', 'dir:single'])
    const outcome = await user.run(['copy', '--multi-arch=linux/arm64', 'oci:alone:single', 'dir:none'])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toBe('preparing instances for copy: no instances found for platform linux/arm64')
    expect(outcome.stderr).toContain('It has linux/amd64.')
  })

  it('strips nothing of what has to keep its digest', async () => {
    const words = ['--multi-arch=linux/arm64', '--strip-removed-platforms', '--preserve-digests']
    const outcome = await user.run(['copy', ...words, 'oci:images:index', 'dir:none'])
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toMatch(/we should delete instance .* but we cannot: Instructed to preserve digests$/)
  })
})

describe('a list in a list', () => {
  it('is looked into for one platform', async () => {
    await user.succeed(['copy', '-q', '--override-arch=arm64', 'oci:images:nested', 'dir:one'])
    expect((await rawOf('dir:one')).digest).toBe(fixtureIndex().children[1]!.digest)
    const inspected = await user.succeed(['inspect', '--override-arch=arm64', 'oci:images:nested'])
    expect(inspected).toContain('"Architecture": "arm64"')
  })

  it('is copied with its images', async () => {
    const stdout = await user.succeed(['copy', '--all', 'oci:images:nested', 'oci:whole:nested'])
    expect(stdout).toContain('Copying 4 images generated from 4 images in list\n')
    expect((await rawOf('oci:whole:nested')).digest).toBe(images.nested.root.digest)
  })
})

describe('inspect --platforms', () => {
  it('shows each image and what all take', async () => {
    const stdout = await user.succeed(['inspect', '--platforms', 'oci:images:attested'])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^PLATFORM +DIGEST +LAYERS +SIZE$/)
    expect(lines.slice(1).map((line) => line.split(/ +/).slice(0, 3))).toEqual([
      ['linux/amd64', images.attested.children[0]!.digest, '2'],
      ['linux/arm64', images.attested.children[1]!.digest, '2'],
      ['total', images.attested.root.digest, expect.stringMatching(/KiB$|b$/)],
    ])
  })

  it('counts what images share once', async () => {
    const shown = JSON.parse(await user.succeed(['--json', 'inspect', '--platforms', 'oci:images:index']))
    const sizes = (shown.Platforms as { Size: number }[]).map(({ Size }) => Size)
    expect(shown).toMatchObject({ Digest: images.index.root.digest, MediaType: images.index.root.mediaType })
    const { blobs } = images.index
    expect(shown.Size).toBe(blobs.reduce((sum, { descriptor }) => sum + (descriptor.size ?? 0), 0))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(shown.Size)
  })

  it('says which images of a sparse list are there', async () => {
    await user.succeed(['copy', '-q', '--multi-arch=linux/arm64', 'oci:images:index', 'oci:sparse:index'])
    const lines = (await user.succeed(['inspect', '--platforms', 'oci:sparse:index'])).trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ +/).at(-1))).toEqual([
      'SIZE',
      'absent',
      expect.stringMatching(/KiB$|b$/),
      'absent',
      expect.stringMatching(/KiB$|b$/),
    ])
    expect(JSON.parse(await user.succeed(['--json', 'tags', '--long', 'oci:sparse']))).toMatchObject({
      Tags: [
        { Digest: images.index.root.digest, Size: null, Platforms: ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7'] },
      ],
    })
  })

  it('is of its own', async () => {
    const outcome = await user.run(['inspect', '--platforms', '--raw', 'oci:images:index'])
    expect(fatalMessage(outcome)).toBe('--platforms cannot be used with --raw, --config or --format')
  })
})

describe('inspect --manifest-digest', () => {
  it('shows the digest in another algorithm', async () => {
    const { Digest } = JSON.parse(await user.succeed(['inspect', '--manifest-digest=sha512', 'oci:images:index']))
    expect(Digest).toBe(rawManifest(images.index.root.bytes, images.index.root.mediaType, 'sha512').digest)
  })

  it('takes none that is not known', async () => {
    const outcome = await user.run(['inspect', '--manifest-digest=md5', 'oci:images:index'])
    expect(fatalMessage(outcome)).toBe('manifest digest: unsupported digest algorithm: "md5"')
  })
})

describe('list-tags --long', () => {
  it('shows each tag in a line', async () => {
    const lines = (await user.succeed(['tags', '--long', 'oci:images'])).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^TAG +DIGEST +CREATED +SIZE +PLATFORMS$/)
    expect(lines.slice(1).map((line) => line.split(/ {2,}/))).toEqual(
      Object.entries(images).map(([tag, { root }]) => [
        tag,
        root.digest,
        '1970-01-01T00:00:00Z',
        expect.stringMatching(/^\d+\.\d(?:b|KiB)$/),
        expect.stringMatching(/^linux\/\w+(?:,linux\/[\w/]+)*$/),
      ]),
    )
    expect(lines.at(-1)).toMatch(/linux\/s390x,linux\/amd64,linux\/arm64\/v8,linux\/arm\/v7$/)
  })

  it('shows a tag that cannot be read with its error, and fails at the end', async () => {
    const [first, last] = [fixtureIndex(), attestedIndex()]
    await writeToLayout(first, join(user.home, 'broken'), 'lost')
    await writeToLayout(last, join(user.home, 'broken'), 'kept')
    await rm(join(user.home, 'broken/blobs/sha256', first.root.digest.slice('sha256:'.length)))
    const outcome = await user.run(['--json', 'list-tags', '--long', 'oci:broken'])
    expect(outcome.code).toBe(1)
    expect(JSON.parse(outcome.stdout)).toEqual({
      Tags: [
        { Tag: 'lost', Error: expect.stringContaining('no such file or directory') },
        expect.objectContaining({ Tag: 'kept', Digest: last.root.digest, Platforms: ['linux/amd64', 'linux/arm64'] }),
      ],
    })
    expect(outcome.stderr).toContain('Error reading 1 of 2 tags')
  })

  it('lists the tags of a repository and of an archive', async () => {
    await using registry = await startRegistryServer({ directory: join(user.home, 'tagged') })
    const repository = `docker://${registry.host}/app`
    for (const tag of ['a', 'b']) {
      await user.succeed(['copy', '-q', '--dest-tls-verify=false', '--all', 'oci:images:index', `${repository}:${tag}`])
    }
    const words = ['--json', 'tags', '--long', '--tls-verify=false', repository]
    expect(JSON.parse(await user.succeed(words))).toMatchObject({
      Repository: `${registry.host}/app`,
      Tags: [
        { Tag: 'a', Digest: images.index.root.digest },
        { Tag: 'b', Digest: images.index.root.digest },
      ],
    })
    await user.succeed(['copy', '-q', 'oci:images:index', 'docker-archive:saved.tar:example.com/app:1'])
    const archive = JSON.parse(await user.succeed(['--json', 'tags', '--long', 'docker-archive:saved.tar']))
    expect(archive).toMatchObject({ Tags: [{ Tag: 'example.com/app:1', Platforms: ['linux/amd64'] }] })
  })
})
