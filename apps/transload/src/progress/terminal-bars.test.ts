import { digestOf, mediaTypes } from '@transload/contract'
import type { TransferEvent } from '@transload/core'
import { expect, it } from 'vitest'

import { terminalBars } from './terminal-bars.ts'

const digest = digestOf(Buffer.from('a'))
const label = `Copying blob ${digest.slice(7, 19)}`

function drawn(columns: number): { send: (event: TransferEvent) => string; clock: { ms: number } } {
  const clock = { ms: 0 }
  const output: string[] = []
  const sink = terminalBars({
    copiesList: false,
    removesSignatures: false,
    write: (text) => output.push(text),
    columns: () => columns,
    nowMs: () => clock.ms,
  })
  return {
    clock,
    send: (event) => {
      output.length = 0
      sink(event)
      return output.join('')
    },
  }
}

function blob(
  state: 'started' | 'moving' | 'copied' | 'reused',
  bytes: number,
  size = 20 * 1024 * 1024,
): TransferEvent {
  return { type: 'blob', state, role: 'layer', blob: { mediaType: mediaTypes.ociLayer, digest, size }, bytes }
}

it('draws a bar with amount, rate and remaining time, over the one before', () => {
  const { send, clock } = drawn(120)
  send(blob('started', 0))
  clock.ms = 2000
  expect(send(blob('moving', 10 * 1024 * 1024))).toBe(
    `\u001B[1A\r\u001B[K${label} [${'='.repeat(19)}>${'-'.repeat(18)}] 10.0MiB / 20.0MiB | 5.0 MiB/s | ETA 2s\n\u001B[J`,
  )
})

it('draws at most ten times a second', () => {
  const { send, clock } = drawn(120)
  send(blob('started', 0))
  clock.ms = 50
  expect(send(blob('moving', 1))).toBe('')
  clock.ms = 100
  expect(send(blob('moving', 2))).toContain(label)
})

it('leaves a line for what is done', () => {
  const { send } = drawn(120)
  send(blob('started', 0))
  expect(send(blob('copied', 1))).toBe(`\u001B[1A\r\u001B[K${label} done   | \n\u001B[J`)
  expect(send(blob('reused', 0))).toBe(`\r\u001B[K${label} skipped: already exists  \n\u001B[J`)
})

it('keeps bars within the terminal, and draws none where there is no width', () => {
  expect(drawn(40).send(blob('started', 0)).split('\n')[0]).toHaveLength('\r\u001B[K'.length + 39)
  expect(drawn(0).send(blob('started', 0))).not.toContain(label)
})

it('writes the other lines above the bars', () => {
  const { send } = drawn(120)
  expect(send({ type: 'planned', images: 1, blobs: 1, bytes: 1 })).toBe(
    '\r\u001B[KGetting image source signatures\n\u001B[J',
  )
})

it('shows an amount when the size is unknown', () => {
  expect(drawn(120).send(blob('started', 512, 0))).toContain(`${label} 512.0b | `)
})
