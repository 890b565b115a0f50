import { parseManifest, rawManifest, type Descriptor } from '@transload/contract'
import { peer, requirePeers } from '@transload/peers'
import {
  attestedIndex,
  fixtureImage,
  fixtureIndex,
  indexOf,
  nestedIndex,
  type FixtureImage,
} from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readTree } from '../read-tree.ts'
import { fatalMessage } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'
import { createPodmanStore, type PodmanStore } from './podman-store.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'podman', 'crane', 'oras')

const twice = fixtureImage({ format: 'docker' })
const indexes = {
  attested: attestedIndex(),
  'zstd without annotations': fixtureIndex('oci', 'zstd'),
  'one image twice': indexOf([{ image: twice }, { image: fixtureImage() }, { image: twice }]),
} satisfies Record<string, FixtureImage>

let site: Site
let podman: PodmanStore
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  podman = createPodmanStore(site)
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

/** The index in a layout. */
async function inLayout(index: FixtureImage): Promise<string> {
  const layout = site.newPath()
  await writeToLayout(index, layout, 'index')
  return `oci:${layout}:index`
}

/** The files of a directory a program copied it to. */
async function copiedBy(
  mover: 'transload' | 'skopeo',
  words: readonly string[],
  index: FixtureImage,
): ReturnType<typeof readTree> {
  const path = site.newPath()
  await succeeding(site[mover].copy(words, await inLayout(index), `dir:${path}`))
  return await readTree(path)
}

function entriesOf(bytes: string): readonly Descriptor[] {
  const manifest = parseManifest(rawManifest(Buffer.from(bytes)))
  return manifest.kind === 'index' ? manifest.manifests : []
}

describe.skipIf(missing)(`lists as skopeo copies them ${missing ?? ''}`, () => {
  const modes = { 'all images': ['--all'], 'no image': ['--multi-arch=index-only'] }
  const cases = Object.entries(indexes).flatMap(([name, index]) =>
    Object.entries(modes).map(([mode, words]) => [name, mode, index, words] as const),
  )

  test.each(cases)('%s, %s', async (_name, _mode, index, words) => {
    expect(await copiedBy('transload', words, index)).toEqual(await copiedBy('skopeo', words, index))
  })

  test('changed images too', async () => {
    const [words, index] = [['--all', '--dest-decompress'], indexes['zstd without annotations']]
    expect(await copiedBy('transload', words, index)).toEqual(await copiedBy('skopeo', words, index))
  })

  test.each(['docker', 'transload'] as const)(
    'a list in a list is there for it in the registry %s',
    async (registry) => {
      const name = `docker://${site.registries[registry]}/nested/list`
      await succeeding(site.transload.copy(['--all'], await inLayout(nestedIndex()), `${name}:v1`))
      const { digest } = fixtureIndex().root
      const { stdout } = await succeeding(site.skopeo.inspect(['--override-arch=arm64'], `${name}@${digest}`))
      expect(JSON.parse(stdout)).toMatchObject({ Architecture: 'arm64', Digest: digest })
    },
  )
})

describe.skipIf(missing)(`a sparse list ${missing ?? ''}`, () => {
  test('is inspected as by skopeo', async () => {
    const sparse = `dir:${site.newPath()}`
    await succeeding(site.transload.copy(['--multi-arch=linux/arm64'], await inLayout(fixtureIndex()), sparse))
    for (const arch of ['amd64', 'arm64', 's390x']) {
      const [ours, theirs] = [
        await site.transload.inspect([`--override-arch=${arch}`], sparse),
        await site.skopeo.inspect([`--override-arch=${arch}`], sparse),
      ]
      expect(ours.stdout).toBe(theirs.stdout)
      const said = [ours, theirs].map(({ code, stderr }) => (code === 0 ? stderr : fatalMessage({ stderr })))
      expect(said[0]).toBe(said[1])
    }
  })
})

describe.skipIf(missing)(`some images of a list, for other tools ${missing ?? ''}`, () => {
  const platforms = '--multi-arch=linux/arm64'
  const strip = '--strip-removed-platforms'

  test.each([
    ['docker', [strip]],
    ['transload', [strip]],
    ['transload', []],
  ] as const)('from the registry %s %j', async (registry, words) => {
    const index = indexes.attested
    const [name, tag] = [`${site.registries[registry]}/some/${words.length > 0 ? 'stripped' : 'sparse'}`, 'v1']
    await succeeding(site.transload.copy([platforms, ...words], await inLayout(index), `docker://${name}:${tag}`))

    const raw = await peer('crane').output(['manifest', '--insecure', `${name}:${tag}`])
    const entries = entriesOf(raw)
    const all = entriesOf(Buffer.from(index.root.bytes).toString())
    expect(entries).toEqual(words.length > 0 ? [all[1], all[3]] : all)
    const image = ['--platform', 'linux/arm64', `${name}:${tag}`]
    expect(await peer('crane').output(['digest', '--insecure', ...image])).toContain(all[1]!.digest)
    await peer('crane').output(['validate', '--insecure', '--remote', `${name}@${all[1]!.digest}`])
    const fetched = await peer('oras').output(['manifest', 'fetch', '--plain-http', '--descriptor', ...image])
    expect(JSON.parse(fetched)).toMatchObject({ digest: all[1]!.digest })
    // The attestation came along with its image.
    await peer('oras').output(['manifest', 'fetch', '--plain-http', `${name}@${all[3]!.digest}`])
    await podman('pull', '--quiet', '--tls-verify=false', ...image)
    expect(await podman('image', 'inspect', '--format', '{{.Architecture}}', `${name}:${tag}`)).toBe('arm64')
  })

  test('a registry that wants all of a list says so, and we what to do', async () => {
    const from = await inLayout(fixtureIndex())
    for (const words of [[platforms], ['--multi-arch=index-only']]) {
      const { code, stderr } = await site.transload.copy(
        words,
        from,
        `docker://${site.registries.docker}/some/refused:v1`,
      )
      expect(code).toBe(1)
      expect(stderr).toContain('--strip-removed-platforms')
    }
  })
})
