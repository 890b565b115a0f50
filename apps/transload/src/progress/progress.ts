import { encodeJson, TransloadError } from '@transload/contract'
import type { ProgressSink } from '@transload/core'

import type { CommandContext } from '../context.ts'
import { imageByImage } from './image-by-image.ts'
import { plainLines, type LineStyle } from './plain-lines.ts'
import { terminalBars } from './terminal-bars.ts'

const modes = ['tty', 'plain', 'ndjson', 'none'] as const
export type ProgressMode = (typeof modes)[number]

/** Throws USAGE. */
export function parseProgressMode(text: string): ProgressMode {
  const mode = modes.find((name) => name === text)
  if (mode) return mode
  throw new TransloadError('USAGE', `unknown progress mode ${JSON.stringify(text)}. Choose one of: ${modes.join(', ')}`)
}

/** Bars for a person, skopeo's lines for a pipe, nothing where stdout is for the result. */
export function defaultProgressMode(
  { globals, stdout, env }: Pick<CommandContext, 'globals' | 'stdout' | 'env'>,
  quiet: boolean,
): ProgressMode {
  if (quiet || globals.json) return 'none'
  return stdout.isTTY && !env['CI'] && env['TERM'] !== 'dumb' ? 'tty' : 'plain'
}

/** To stdout, as with skopeo; to stderr when `--json` puts the result on stdout. */
export function createProgress(
  mode: ProgressMode,
  style: LineStyle,
  context: CommandContext,
): ProgressSink | undefined {
  const stream = context.globals.json ? context.stderr : context.stdout
  const write = (text: string): void => void stream.write(text)
  switch (mode) {
    case 'tty':
      return terminalBars({ ...style, write, columns: () => stream.columns ?? 80, nowMs: () => performance.now() })
    case 'plain':
      return imageByImage(plainLines(write, style))
    case 'ndjson':
      return (event) => write(`${encodeJson(event)}\n`)
    default:
      return undefined
  }
}
