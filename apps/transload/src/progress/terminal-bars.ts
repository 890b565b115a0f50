import { digestHex } from '@transload/contract'
import type { ProgressSink, TransferEvent } from '@transload/core'

import { byteText } from './byte-text.ts'
import { createStepLines, type LineStyle } from './plain-lines.ts'

export interface BarOptions extends LineStyle {
  readonly write: (text: string) => void
  /** Columns of the terminal now; 0: no bars. */
  readonly columns: () => number
  readonly nowMs: () => number
}

interface Bar {
  readonly label: string
  /** Undefined or 0: unknown. */
  readonly sizeBytes: number | undefined
  readonly startMs: number
  bytes: number
}

type BlobEvent = Extract<TransferEvent, { type: 'blob' }>

const redrawMs = 100
const labelWidth = 25
const barWidth = 40

/**
 * Live bars for the blobs that move, below the lines of what is done; redrawn at most ten times a second. Nothing but
 * the bars is ever drawn over, so their number (at most the blobs moving at once) is all that has to fit the screen.
 */
export function terminalBars(options: BarOptions): ProgressSink {
  const { write, columns, nowMs } = options
  const stepLines = createStepLines(options)
  const bars = new Map<string, Bar>()
  let drawnLines = 0
  let drawnMs = Number.NEGATIVE_INFINITY

  const redraw = (finishedLines: readonly string[]): void => {
    const now = nowMs()
    if (finishedLines.length === 0 && now - drawnMs < redrawMs) return
    const width = columns()
    const live = width > 0 ? [...bars.values()].map((bar) => barLine(bar, now).slice(0, width - 1)) : []
    const back = drawnLines > 0 ? `\u001B[${drawnLines}A` : ''
    write(`${back}${[...finishedLines, ...live].map((line) => `\r\u001B[K${line}\n`).join('')}\u001B[J`)
    drawnLines = live.length
    drawnMs = now
  }

  return (event) => {
    if (event.type !== 'blob') {
      if (event.type === 'planned') bars.clear()
      const lines = stepLines(event)
      if (lines.length > 0) redraw(lines)
      return
    }
    const { digest, size } = event.blob
    const key = `${event.role} ${digest}`
    if (event.state === 'copied' || event.state === 'reused') {
      bars.delete(key)
      redraw([`${blobLabel(event)} ${event.state === 'reused' ? 'skipped: already exists  ' : 'done   | '}`])
      return
    }
    const bar = bars.get(key) ?? { label: blobLabel(event), sizeBytes: size, startMs: nowMs(), bytes: 0 }
    bar.bytes = event.bytes
    bars.set(key, bar)
    redraw([])
  }
}

function blobLabel({ role, blob }: BlobEvent): string {
  return `Copying ${role === 'config' ? 'config' : 'blob'} ${digestHex(blob.digest)}`.slice(0, labelWidth)
}

function barLine({ label, sizeBytes, startMs, bytes }: Bar, nowMs: number): string {
  const seconds = Math.max((nowMs - startMs) / 1000, 0.001)
  const rate = bytes / seconds
  const speed = `${byteText(rate, ' ')}/s`
  if (!sizeBytes) return `${label} ${byteText(bytes)} | ${speed}`
  const inside = barWidth - 2
  const filled = Math.min(Math.floor((bytes / sizeBytes) * inside), inside)
  const bar = `${'='.repeat(filled)}>`.slice(0, inside).padEnd(inside, '-')
  const eta = rate > 0 ? ` | ETA ${timeText((sizeBytes - bytes) / rate)}` : ''
  return `${label} [${bar}] ${byteText(bytes)} / ${byteText(sizeBytes)} | ${speed}${eta}`
}

function timeText(seconds: number): string {
  const whole = Math.max(Math.ceil(seconds), 0)
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${whole % 60}s`
}
