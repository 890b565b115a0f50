import type { Transport } from '@transload/contract'
import { readSavedImages } from '@transload/formats'

import { openDockerArchiveDestination } from './docker-archive-destination.ts'
import { parseDockerArchiveReference, type DockerArchiveReference } from './docker-archive-reference.ts'
import { openDockerArchive, openDockerArchiveSource } from './docker-archive-source.ts'
import { readDockerArchiveOptions } from './options.ts'

/** `docker-archive:` – images in a `docker save` file. Options: `DockerArchiveOptions`; throws CONFIG_INVALID. */
export default function dockerArchiveTransport(
  given: Readonly<Record<string, unknown>> = {},
): Transport<DockerArchiveReference> {
  const { additionalTags = [], maxUnpackedBytes } = readDockerArchiveOptions(given)
  return {
    scheme: 'docker-archive',
    parse: parseDockerArchiveReference,
    openSource: (reference, options) => openDockerArchiveSource(reference, maxUnpackedBytes, options),
    openDestination: (reference, options) => openDockerArchiveDestination(reference, additionalTags, options),
    /** Of the whole file, whichever image the reference names: `NAME:TAG` as stored, `@INDEX` for an unnamed image. */
    async *listTags({ path }, options) {
      await using tree = await openDockerArchive(path, maxUnpackedBytes, options)
      const images = await readSavedImages(tree, options)
      for (const [index, { repoTags }] of images.entries()) {
        if (repoTags.length === 0) yield `@${index}`
        yield* repoTags
      }
    },
  }
}
