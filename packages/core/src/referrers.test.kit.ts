import type { ImageDestination, ImageSource } from '@transload/contract'
import { memoryTransport, writeImage, type FixtureImage } from '@transload/transport-conformance/fixtures'

import { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
import type { Located } from './plugin-registry.ts'

export const open = { cache: createMemoryBlobInfoCache(), tempDirectory: '/tmp', log: () => undefined }

/** One image's place in memory, with nothing in it. */
export function place(): Located {
  const transport = memoryTransport()
  return { transport, reference: transport.parse('place', '/') }
}

/** A place with `root`, what refers to it by subject, and what does by tag. */
export async function stored(
  root: FixtureImage,
  referrers: readonly FixtureImage[] = [],
  tagged: Readonly<Record<string, FixtureImage>> = {},
): Promise<Located> {
  const from = place()
  const companions = [...referrers, ...Object.values(tagged)]
  await using destination = await from.transport.openDestination!(from.reference, open)
  await writeImage(destination, { ...root, blobs: [root, ...companions].flatMap(({ blobs }) => blobs) })
  for (const { children } of companions) {
    for (const child of children) await destination.writeManifest(child, { root: false })
  }
  for (const each of referrers) await destination.writeManifest(each.root, { root: false, referrer: true })
  for (const [tag, each] of Object.entries(tagged)) await destination.writeManifest(each.root, { root: false, tag })
  await destination.commit()
  return from
}

/** With some of the members of what it opens replaced. */
export function changed(
  { transport, reference }: Located,
  changes: {
    readonly source?: (opened: ImageSource) => Partial<ImageSource>
    readonly destination?: (opened: ImageDestination) => Partial<ImageDestination>
  },
): Located {
  return {
    reference,
    transport: {
      ...transport,
      openSource: async (...given) => {
        const opened = await transport.openSource!(...given)
        return Object.assign(opened, changes.source?.(opened))
      },
      openDestination: async (...given) => {
        const opened = await transport.openDestination!(...given)
        return Object.assign(opened, changes.destination?.(opened))
      },
    },
  }
}
