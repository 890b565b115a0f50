import type { ProgressSink, TransferEvent } from '@transload/core'

type ImageEvent = Extract<TransferEvent, { type: 'image' }>
type BlobEvent = Extract<TransferEvent, { type: 'blob' }>

/**
 * Tells `sink` of the images of a list as if they were copied one after the other, each with all of its blobs and the
 * config last, although their blobs move all at once and each only once. Events wait for their turn; an image's blobs
 * that came with one before it are told of again, as they are by then. What comes after all of them is told of at once.
 */
export function imageByImage(sink: ProgressSink): ProgressSink {
  const latest = new Map<string, BlobEvent>()
  // Of a group of blobs those that have not ended; the first is the one being told of.
  let turns: (ImageEvent | Set<string>)[] = []

  const tell = (group: Set<string>, event: BlobEvent): void => {
    sink(event)
    if (event.state === 'copied' || event.state === 'reused') group.delete(blobKey(event.role, event.blob.digest))
  }
  const tellNext = (): void => {
    for (let turn = turns[0]; turn !== undefined; turn = turns[0]) {
      if (!(turn instanceof Set)) {
        sink(turn)
      } else {
        for (const event of [...turn].flatMap((key) => latest.get(key) ?? [])) tell(turn, event)
        if (turn.size > 0) return
      }
      turns.shift()
    }
  }
  return (event) => {
    if (event.type === 'image') {
      const isIdle = turns.length === 0
      turns.push(event, blobKeys(event, 'layer'), blobKeys(event, 'config'))
      if (isIdle) tellNext()
    } else if (event.type === 'blob' && turns.length > 0) {
      const key = blobKey(event.role, event.blob.digest)
      latest.set(key, event)
      const turn = turns[0]
      if (!(turn instanceof Set && turn.has(key))) return
      tell(turn, event)
      if (turn.size > 0) return
      turns.shift()
      tellNext()
    } else {
      if (event.type === 'planned') {
        latest.clear()
        turns = []
      }
      sink(event)
    }
  }
}

function blobKeys({ blobs }: ImageEvent, wanted: 'layer' | 'config'): Set<string> {
  return new Set(blobs.filter(({ role }) => role === wanted).map(({ role, digest }) => blobKey(role, digest)))
}

function blobKey(role: BlobEvent['role'], digest: string): string {
  return `${role} ${digest}`
}
