import assert from 'node:assert/strict'
import { readdir, readlink } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { SkippedCheck, type TransportCheck } from '../check.ts'
import { streamedLayer } from '../fixtures/images.ts'
import { patternLayer } from '../fixtures/pattern.ts'
import { acceptedForm, assertBlob, imageOfLayer, storeAt, storedReference } from './stored-image.ts'

const MiB = 1024 * 1024

export const resourceChecks: readonly TransportCheck[] = [
  {
    name: 'a read abandoned early leaves no open handle',
    async run(bench) {
      if (!(await openHandles())) throw new SkippedCheck('needs /proc/self/fd to count open handles')
      const layer = await streamedLayer(() => patternLayer(8 * MiB))
      const image = imageOfLayer(await acceptedForm(bench), layer, 'abandoned read')
      const source = await bench.openSource(await storedReference(bench, image))
      const blob = image.blobs.find(({ role }) => role === 'layer')!
      await assertBlob(source, blob.descriptor)
      const before = await openHandles()
      for (let read = 0; read < abandonedReads; read += 1) {
        source.readBlob(blob.descriptor)
        for await (const _ of source.readBlob(blob.descriptor)) break
      }
      // A pooled connection or two may be open now that was not before.
      await assertHandles((before ?? 0) + 2, 'after reads that were abandoned early')
      await assertBlob(source, blob.descriptor)
    },
  },
  {
    name: 'a 256 MiB blob moves in under 64 MiB of memory',
    async run(bench) {
      const memory = watchMemory()
      const watched = (size: number) => () => memory.watch(patternLayer(size))
      const form = await acceptedForm(bench)
      const image = imageOfLayer(form, await streamedLayer(watched(256 * MiB)), 'heavy')
      const reference = await bench.newReference()
      memory.start()
      await storeAt(bench, reference, image)
      assert.ok(memory.peakBytes() < 64 * MiB, `writing held ${Math.ceil(memory.peakBytes() / MiB)} MiB`)
      const source = await bench.openSource(reference)
      const { descriptor } = image.blobs.find(({ role }) => role === 'layer')!
      memory.start()
      let size = 0
      for await (const chunk of memory.watch(source.readBlob(descriptor))) size += chunk.length
      assert.equal(size, descriptor.size)
      assert.ok(memory.peakBytes() < 64 * MiB, `reading held ${Math.ceil(memory.peakBytes() / MiB)} MiB`)
    },
  },
]

const abandonedReads = 16

/** Open file descriptors of this process; undefined where the system does not tell. */
async function openHandles(): Promise<number | undefined> {
  const names = await readdir('/proc/self/fd').catch(() => undefined)
  if (!names) return undefined
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => undefined)))
  return targets.filter((target) => target !== undefined && (target.startsWith('/') || target.startsWith('socket:')))
    .length
}

/** Closing may take a few turns of the event loop. */
async function assertHandles(most: number, when: string): Promise<void> {
  const deadline = Date.now() + 2000
  for (;;) {
    const open = await openHandles()
    if (open === undefined || open <= most) return
    if (Date.now() > deadline) assert.fail(`${open} handles are open ${when}, expected at most ${most}`)
    await setImmediate()
  }
}

interface MemoryWatch {
  /** Takes the memory in use now as zero. */
  start(): void
  /** Passes `body` on and looks at the memory in use every 8 MiB. */
  watch(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
  peakBytes(): number
}

/** What is still referenced, garbage collected away: unlike resident memory that does not depend on when V8 collects. */
function watchMemory(): MemoryWatch {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  let base = 0
  let peak = 0
  const used = (): number => {
    collectGarbage()
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
    return heap + external
  }
  return {
    start() {
      base = used()
      peak = 0
    },
    async *watch(body) {
      let size = 0
      for await (const chunk of body) {
        if (Math.floor((size + chunk.length) / (8 * MiB)) > Math.floor(size / (8 * MiB))) {
          peak = Math.max(peak, used() - base)
        }
        size += chunk.length
        yield chunk
      }
    },
    peakBytes: () => peak,
  }
}
