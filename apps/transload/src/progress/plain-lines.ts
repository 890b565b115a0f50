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
const storingSignatures = 'Storing signatures'

/**
 * The lines for everything but blobs. Manifests of a list's images, and their signatures, are told of where skopeo writes
 * them, behind the blobs of each; ours are written when all blobs are there.
 */
export function createStepLines({ copiesList, removesSignatures }: LineStyle): (event: StepEvent) => readonly string[] {
  let isList = false
  let signers: readonly string[] = []
  /** The lines that end the image of a list that was told of last. */
  let ending: readonly string[] = []
  const end = (): readonly string[] => {
    const lines = ending
    ending = []
    return lines
  }
  const getting = (what: string, checking: string, signatures = 0): readonly string[] => [
    ...(removesSignatures ? [] : [`Getting image ${what} signatures`]),
    ...(signatures > 0 ? [`Checking if ${checking} destination supports signatures`] : []),
  ]
  return (event) => {
    switch (event.type) {
      case 'planned':
        isList = copiesList && event.listed !== undefined
        signers = event.signers ?? []
        ending = []
        if (!isList) return getting('source', 'image', event.signatures)
        return [
          ...getting('list', 'image list', event.signatures),
          `Copying ${event.images} images generated from ${event.listed} images in list`,
        ]
      case 'image': {
        if (!isList) return []
        const begin = [
          ...end(),
          `Copying image ${event.digest} (${event.index + 1}/${event.count})`,
          ...getting('source', 'image', event.signatures),
        ]
        const isSigned = signers.length > 0 || (event.signatures ?? 0) > 0
        ending = [
          writingManifest,
          ...signers.map((method, index) => creatingSignature(method, index, signers.length)),
          ...(isSigned ? [storingSignatures] : []),
        ]
        return begin
      }
      case 'manifest':
        if (event.list) return [...end(), 'Writing manifest list to image destination']
        return event.root ? [writingManifest] : []
      case 'referrer': {
        const name = event.tags.length > 0 ? event.tags.join(', ') : event.digest
        return [`Copying referrer ${name} (${event.index + 1}/${event.count})`]
      }
      case 'verified':
        return [`Found all ${event.referrers} referrers at the destination`]
      case 'signing':
        return isList && !event.list ? [] : [creatingSignature(event.method, event.index, event.count)]
      case 'signatures':
        if (event.list) return ['Storing list signatures']
        return isList ? [] : [storingSignatures]
      default:
        return []
    }
  }
}

function creatingSignature(method: string, index: number, count: number): string {
  return `Creating signature${count > 1 ? ` ${index + 1}` : ''}: Signing image using ${method}`
}
