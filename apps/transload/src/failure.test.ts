import { PassThrough } from 'node:stream'

import { HttpError, TransloadError } from '@transload/contract'
import { TransferError } from '@transload/core'
import { describe, expect, it } from 'vitest'

import { reportFailure } from './failure.ts'

function report(error: unknown, { isTTY = false, json = false } = {}): { code: number; lines: string[] } {
  const lines: string[] = []
  const stderr = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream
  stderr.on('data', (text: Buffer) => lines.push(text.toString().trimEnd()))
  const code = reportFailure(error, { log: (level, message) => stderr.write(`${level} ${message}\n`), stderr, json })
  return { code, lines }
}

const hinted = new TransloadError('USAGE', 'wrong', { hint: 'do right' })

describe('reportFailure', () => {
  it('ends a log with the fatal line', () => {
    expect(report(hinted)).toEqual({ code: 1, lines: ['info do right', 'fatal wrong'] })
  })

  it('tells a person what to do last', () => {
    expect(report(hinted, { isTTY: true }).lines).toEqual(['fatal wrong', 'do right'])
  })

  it('ends with the error as JSON where that is wanted', () => {
    const said = new HttpError('DENIED', 'no', { status: 403, serverCodes: ['DENIED'] })
    const { lines } = report(new TransferError('destination', 'commit', 'writing manifest', said), { json: true })
    expect(lines[0]).toBe('fatal writing manifest: no')
    expect(JSON.parse(lines[1] ?? '')).toEqual({
      error: {
        code: 'DENIED',
        message: 'writing manifest: no',
        retryable: false,
        exitCode: 1,
        side: 'destination',
        step: 'commit',
        status: 403,
        serverCodes: ['DENIED'],
      },
    })
  })

  it('UNI-33: tells what failed to close too, but counts what failed first', async () => {
    const unknown = new HttpError('MANIFEST_UNKNOWN', 'no such image', {
      status: 404,
      serverCodes: ['MANIFEST_UNKNOWN'],
    })
    const failing = async (): Promise<void> => {
      await using closed = new AsyncDisposableStack()
      closed.defer(() => {
        throw new TransloadError('IO', 'closing image: broken')
      })
      throw unknown
    }
    const { code, lines } = report(await failing().catch((error: unknown) => error), { json: true })
    expect({ code, line: lines[0] }).toEqual({ code: 2, line: 'fatal no such image (closing image: broken)' })
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ error: { code: 'MANIFEST_UNKNOWN', exitCode: 2 } })
  })

  it('shows where a defect of ours was only to who debugs', () => {
    const { lines } = report(new TypeError('x is undefined'))
    expect(lines[0]).toMatch(/^debug TypeError: x is undefined/)
    expect(lines.at(-1)).toBe('fatal x is undefined')
  })
})
