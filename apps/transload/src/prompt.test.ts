import { PassThrough } from 'node:stream'

import { describe, expect, it } from 'vitest'

import { askLine, askSecret, readAllLines } from './prompt.ts'

interface FakeTerminal {
  readonly terminal: Parameters<typeof askLine>[1]
  readonly shown: () => string
  readonly rawModes: boolean[]
}

function terminal(typed: string, isTTY = true, controller = new AbortController()): FakeTerminal {
  const { signal } = controller
  const rawModes: boolean[] = []
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: (raw: boolean) => rawModes.push(raw) })
  stdin.write(typed)
  if (!signal.aborted) stdin.end()
  const stdout = new PassThrough()
  const shown = (): string => String(stdout.read() ?? '')
  const interrupt = (): void => controller.abort(new Error('interrupted'))
  return { terminal: { stdin, stdout, signal, interrupt } as unknown as FakeTerminal['terminal'], shown, rawModes }
}

describe('askLine', () => {
  it('reads one line, and leaves the next to the next question', async () => {
    const { terminal: given, shown } = terminal('first\r\nsecond\n')
    expect(await askLine('One: ', given)).toBe('first')
    expect(await askLine('Two: ', given)).toBe('second')
    expect(shown()).toBe('One: Two: ')
  })

  it('says when the input has ended', async () => {
    await expect(askLine('? ', terminal('').terminal)).rejects.toThrow('EOF')
  })
})

describe('askSecret', () => {
  it.each([
    ['secret\r', 'secret'],
    ['wr\u0015pässwörd\n', 'pässwörd'],
    ['abc\u007F\u007Fd\r', 'ad'],
    ['\u0001a\u001B\r', 'a'],
  ])('reads %j', async (typed, secret) => {
    const { terminal: given, shown, rawModes } = terminal(typed)
    expect(await askSecret('Password: ', given)).toBe(secret)
    expect(shown()).toBe('Password: \n')
    expect(rawModes).toEqual([true, false])
  })

  it('ends at Ctrl-C, with the terminal as it was', async () => {
    const { terminal: given, rawModes } = terminal('ab\u0003')
    await expect(askSecret('? ', given)).rejects.toThrow('interrupted')
    expect(rawModes).toEqual([true, false])
  })

  it('needs a terminal, and says what else there is', async () => {
    await expect(askSecret('? ', terminal('x\n', false).terminal)).rejects.toMatchObject({
      message: 'inappropriate ioctl for device',
      hint: expect.stringContaining('--password-stdin'),
    })
  })

  it('ends when the command is aborted', async () => {
    const controller = new AbortController()
    controller.abort(new Error('stop'))
    const { terminal: given } = terminal('', true, controller)
    await expect(askSecret('? ', given)).rejects.toThrow('stop')
  })
})

it('readAllLines joins the lines', async () => {
  expect(await readAllLines(terminal('pass\r\nword\n').terminal)).toBe('password')
})
