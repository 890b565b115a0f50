import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { collect, parseManifest } from '@transload/contract'
import { describeTransport } from '@transload/transport-conformance'

import tarballTransport from './transport.ts'

const directory = await mkdtemp(join(tmpdir(), 'transload-tarball-conformance-'))
let prepared = 0

/** The checks that look for the very config that was stored. What they find out otherwise, transport.test.ts does. */
const comparesConfigs = [
  'a stored image comes back',
  'a oci image comes back',
  'a oci index comes back with its images',
  'a docker image comes back',
  'a docker index comes back with its images',
  'an OCI artifact comes back',
  'layers in zstd and without compression come back',
  'duplicate layers stay duplicate',
  'an abort while a blob is read ends it with the reason',
]

describeTransport({
  create: () => tarballTransport(),
  newReference: (n) => `absent-${n}.tar`,
  prepare: async (image) => {
    const manifest = parseManifest(image.root)
    const layers = manifest.kind === 'image' ? manifest.layers : []
    const paths = layers.map(async ({ digest }) => {
      const path = join(directory, `layer-${++prepared}.tar`)
      const blob = image.blobs.find(({ descriptor }) => descriptor.digest === digest)!
      await writeFile(path, await collect(blob.open()))
      return path
    })
    return (await Promise.all(paths)).join(':')
  },
  except: Object.fromEntries(comparesConfigs.map((name) => [name, 'makes up a config of its own'])),
  cleanup: () => rm(directory, { recursive: true }),
})
