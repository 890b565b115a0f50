import { tmpdir } from 'node:os'

import { createMemoryBlobInfoCache, type Located } from '@transload/core'
import { storeImage, type FixtureImage } from '@transload/transport-conformance/fixtures'
import ociTransport from '@transload/transport-oci'

/** Puts an image into the OCI layout `directory`, made if there is none, under the reference `name`. */
export async function writeToLayout(image: FixtureImage, directory: string, name: string): Promise<void> {
  const transport: Located['transport'] = ociTransport()
  const reference = transport.parse(`${directory}:${name}`, '/')
  await using destination = await transport.openDestination!(reference, {
    cache: createMemoryBlobInfoCache(),
    tempDirectory: tmpdir(),
    log: () => undefined,
  })
  await storeImage(destination, image)
}
