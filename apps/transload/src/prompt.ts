import { TransloadError } from '@transload/contract'

import type { CommandContext } from './context.ts'
import { print } from './output.ts'

type Terminal = Pick<CommandContext, 'stdin' | 'stdout' | 'signal' | 'interrupt'>

/** One line of stdin, which need not be a terminal, without its end. Throws USAGE at the end of the input. */
export async function askLine(question: string, { stdin, stdout, signal }: Terminal): Promise<string> {
  await print(stdout, question)
  let text = ''
  for await (const chunk of chunksOf(stdin, signal)) {
    text += chunk
    const end = text.indexOf('\n')
    if (end < 0) continue
    if (end + 1 < text.length) stdin.unshift(text.slice(end + 1))
    return text.slice(0, end).replace(/\r$/, '')
  }
  if (text !== '') return text
  throw new TransloadError('USAGE', 'EOF')
}

/**
 * What is typed at the terminal until Enter; nothing is shown. Backspace takes a character back, Ctrl-U all of them.
 * Ctrl-C is SIGINT. Throws USAGE where there is no terminal.
 */
export async function askSecret(question: string, { stdin, stdout, signal, interrupt }: Terminal): Promise<string> {
  if (!stdin.isTTY) {
    await print(stdout, question)
    throw new TransloadError('USAGE', 'inappropriate ioctl for device', {
      hint: 'Standard input is no terminal: pass the password with --password-stdin.',
    })
  }
  const typed: string[] = []
  // Before the question, after which somebody may already be typing.
  stdin.setRawMode(true)
  try {
    await print(stdout, question)
    for await (const chunk of chunksOf(stdin, signal)) {
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return typed.join('')
        if (character === '\u0003') {
          interrupt()
          signal.throwIfAborted()
        }
        if (character === '\u0004' && typed.length === 0) throw new TransloadError('USAGE', 'EOF')
        if (character === '\u007F' || character === '\b') typed.pop()
        else if (character === '\u0015') typed.length = 0
        else if (character >= ' ') typed.push(character)
      }
    }
    throw new TransloadError('USAGE', 'EOF')
  } finally {
    stdin.setRawMode(false)
    await print(stdout, '\n')
  }
}

/** Everything on stdin, its lines joined without their ends. */
export async function readAllLines({ stdin, signal }: Pick<Terminal, 'stdin' | 'signal'>): Promise<string> {
  let text = ''
  for await (const chunk of chunksOf(stdin, signal)) text += chunk
  return text.replaceAll(/\r?\n/g, '')
}

/** Text as it comes; stdin stays open for the next reader, and does not keep the program alive. */
async function* chunksOf(stdin: NodeJS.ReadStream, signal: AbortSignal): AsyncGenerator<string> {
  stdin.setEncoding('utf8')
  // Without an error: nobody might be listening for one any more.
  const abort = (): void => void stdin.destroy()
  signal.throwIfAborted()
  signal.addEventListener('abort', abort)
  try {
    yield* stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<string>
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
    stdin.pause()
  }
}
