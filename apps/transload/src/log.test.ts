import { describe, expect, it } from 'vitest'

import { createLog, type CommandLog } from './log.ts'

function record(isTerminal: boolean, showsDebug = false): { log: CommandLog; lines: string[]; clock: { ms: number } } {
  const lines: string[] = []
  const clock = { ms: Date.UTC(2026, 10, 22, 0, 31, 29, 456) }
  const log = createLog({ write: (line) => lines.push(line), isTerminal, showsDebug, now: () => clock.ms })
  return { log, lines, clock }
}

describe('to a file', () => {
  it.each([
    ['two words', String.raw`msg="two words"`],
    ['word', 'msg=word'],
    ['a "b"\n\tc\\', String.raw`msg="a \"b\"\n\tc\\"`],
    ['path/to@x+y^z', 'msg=path/to@x+y^z'],
    ['é \u0001 \u200B', String.raw`msg="é \x01 \u200b"`],
  ])('writes %j', (message, expected) => {
    const { log, lines } = record(false)
    log('fatal', message)
    expect(lines).toEqual([`time="2026-11-22T00:31:29Z" level=fatal ${expected}\n`])
  })

  it('adds fields sorted by key', () => {
    const { log, lines } = record(false)
    log('warn', 'x', { zeta: 1, alpha: 'a b', gone: undefined })
    expect(lines).toEqual(['time="2026-11-22T00:31:29Z" level=warning msg=x alpha="a b" zeta=1\n'])
  })

  it('leaves out debug lines unless they are wanted', () => {
    const quiet = record(false)
    const loud = record(false, true)
    quiet.log('debug', 'x')
    loud.log('debug', 'x')
    expect(quiet.lines).toEqual([])
    expect(loud.lines).toHaveLength(1)
  })
})

describe('to a terminal', () => {
  it('writes the level in colour, the seconds and the padded message', () => {
    const { log, lines, clock } = record(true)
    clock.ms += 3500
    log('fatal', 'first\nsecond', { key: 'v' })
    log('info', 'x')
    expect(lines).toEqual([
      `\u001B[31mFATA\u001B[0m[0003] ${'first\nsecond'.padEnd(44)}  \u001B[31mkey\u001B[0m=v\n`,
      `\u001B[36mINFO\u001B[0m[0003] ${'x'.padEnd(44)} \n`,
    ])
  })
})
