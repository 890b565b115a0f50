import type { Digest } from '@transload/contract'
import type { ProgressSink, TransferEvent } from '@transload/core'

/** How the lines of one copy read. */
export interface LineStyle {
  /** A list is copied as a list; else its one image is told of as if it were alone. */
  readonly copiesList: boolean
  readonly removesSignatures: boolean
}

/**
 * skopeo's lines (cli.md §6.1): in each image one for each layer when work on it starts, also when it turns out to be
 * there already, and one for the config, by the digest it has at the destination. Lists read as they should when their
 * events come image by image.
 */
export function plainLines(write: (line: string) => void, style: LineStyle): ProgressSink {
  const stepLines = createStepLines(style)
  let layers: Digest[] = []
  return (event) => {
    if (event.type === 'image') layers = event.blobs.flatMap(({ role, digest }) => (role === 'layer' ? [digest] : []))
    if (event.type !== 'blob') {
      for (const line of stepLines(event)) write(`${line}\n`)
    } else if (event.role === 'config') {
      if (event.stored !== undefined) write(`Copying config ${event.stored}\n`)
    } else {
      const started = layers.filter((digest) => digest === event.blob.digest)
      layers = layers.filter((digest) => digest !== event.blob.digest)
      for (const digest of started) write(`Copying blob ${digest}\n`)
    }
  }
}

export type StepEvent = Exclude<TransferEvent, { type: 'blob' }>

const writingManifest = 'Writing manifest to image destination'

/**
 * The lines for everything but blobs. Manifests of a list's images are told of where skopeo writes them, behind the
 * blobs of each; ours are written when all blobs are there.
 */
export function createStepLines({ copiesList, removesSignatures }: LineStyle): (event: StepEvent) => readonly string[] {
  let images = 0
  let isList = false
  const getting = (what: string): string[] => (removesSignatures ? [] : [`Getting image ${what} signatures`])
  return (event) => {
    switch (event.type) {
      case 'planned':
        images = event.images
        isList = copiesList && event.listed !== undefined
        if (!isList) return getting('source')
        return [...getting('list'), `Copying ${images} images generated from ${event.listed} images in list`]
      case 'image':
        if (!isList) return []
        return [
          ...(event.index > 0 ? [writingManifest] : []),
          `Copying image ${event.digest} (${event.index + 1}/${event.count})`,
          ...getting('source'),
        ]
      case 'manifest':
        if (!event.list) return event.root ? [writingManifest] : []
        return [
          ...(images > 0 ? [writingManifest] : []),
          'Writing manifest list to image destination',
          'Storing list signatures',
        ]
      default:
        return []
    }
  }
}
