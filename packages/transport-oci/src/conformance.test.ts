import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { describeTransport } from '@transload/transport-conformance'
import { fixtureImage, fixtureLayer, storeImage } from '@transload/transport-conformance/fixtures'

import ociTransport from './index.ts'

// Only a layout that exists can be said not to hold an image.
const root = await mkdtemp('/tmp/transport-oci-conformance-')
const layout = join(root, 'layout')
const transport = ociTransport()
const options = {
  cache: {
    locations: async () => [],
    rememberLocation: async () => {},
    uncompressed: async () => undefined,
    rememberUncompressed: async () => {},
  },
  tempDirectory: root,
  log: () => {},
}
{
  await using destination = await transport.openDestination!(transport.parse(`${layout}:other`, '/'), options)
  await storeImage(
    destination,
    fixtureImage({ format: 'oci', layers: [fixtureLayer('other', 'gzip')], label: 'other' }),
  )
}

describeTransport({
  create: ociTransport,
  newReference: (n) => `${layout}:image-${n}`,
  invalidReferences: ['layout:-', 'layout:a b', 'layout:@x', 'layout:@-1', 'nul\0:a'],
  cleanup: () => rm(root, { recursive: true }),
})
