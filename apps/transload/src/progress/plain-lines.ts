import type { ProgressSink, TransferEvent } from '@transload/core'

/** How the lines of one copy read. */
export interface LineStyle {
  /** A list is copied as a list; else its one image is told of as if it were alone. */
  readonly copiesList: boolean
  readonly removesSignatures: boolean
}

/** skopeo's lines (cli.md §6.1): one for each blob when work on it starts, also when it turns out to be there already. */
export function plainLines(write: (line: string) => void, style: LineStyle): ProgressSink {
  const shown = new Set<string>()
  return (event) => {
    if (event.type === 'image') shown.clear()
    if (event.type === 'blob') {
      const line = blobLine(event)
      if (shown.has(line)) return
      shown.add(line)
      write(`${line}\n`)
      return
    }
    for (const line of stepLines(event, style)) write(`${line}\n`)
  }
}

/** Everything but blobs. */
export function stepLines(event: Exclude<TransferEvent, { type: 'blob' }>, style: LineStyle): readonly string[] {
  const gettingSignatures = style.removesSignatures ? [] : ['Getting image source signatures']
  switch (event.type) {
    case 'planned':
      if (!isList(event, style)) return gettingSignatures
      return [
        ...(style.removesSignatures ? [] : ['Getting image list signatures']),
        `Copying ${event.images} images generated from ${event.listed} images in list`,
      ]
    case 'image':
      if (!style.copiesList) return []
      return [`Copying image ${event.digest} (${event.index + 1}/${event.count})`, ...gettingSignatures]
    case 'manifest':
      return event.list
        ? ['Writing manifest list to image destination', 'Storing list signatures']
        : ['Writing manifest to image destination']
    default:
      return []
  }
}

function blobLine({ role, blob }: Extract<TransferEvent, { type: 'blob' }>): string {
  return `Copying ${role === 'config' ? 'config' : 'blob'} ${blob.digest}`
}

function isList({ listed }: Extract<TransferEvent, { type: 'planned' }>, { copiesList }: LineStyle): boolean {
  return copiesList && listed !== undefined
}
