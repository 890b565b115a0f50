import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** What is tested: the bundle, or, as TRANSLOAD_MAIN, another build of it, such as an installed one. */
export const program = process.env['TRANSLOAD_MAIN'] ?? join(import.meta.dirname, '../dist/main.cjs')

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Both, as acceptance rows look at them. */
  readonly output: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** A user of the program: a home directory of their own, which is also where the program runs. */
export interface User extends AsyncDisposable {
  readonly home: string
  /** The built program with `words` as arguments, until it ends. */
  run(words: readonly string[], options?: RunOptions): Promise<Outcome>
  /** The same, for what has to work: the program's stdout. Throws unless it ends with 0 and has nothing to say on stderr. */
  succeed(words: readonly string[], options?: RunOptions): Promise<string>
  /** The same, still running; stdout and stderr are to be read by the caller. */
  start(words: readonly string[], options?: RunOptions): ChildProcess
  /** The same, for somebody who writes to its stdin. */
  startTyping(words: readonly string[], options?: Omit<RunOptions, 'input'>): ChildProcess
}

/** The policy is the one that distributions ship: it accepts everything. */
export async function createUser(): Promise<User> {
  const home = await mkdtemp(join(tmpdir(), 'transload-e2e-'))
  await mkdir(join(home, '.config/containers'), { recursive: true })
  await mkdir(join(home, 'run'))
  await writeFile(
    join(home, '.config/containers/policy.json'),
    JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }),
  )
  const startTyping: User['startTyping'] = (words, { env = {} } = {}) =>
    spawn(process.execPath, [program, ...words], {
      cwd: home,
      // Not root to what is shared between all tests: the blob info cache.
      env: { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), _CONTAINERS_ROOTLESS_UID: '1000', ...env },
    })
  const start: User['start'] = (words, { input, ...options } = {}) => {
    const child = startTyping(words, options)
    child.stdin!.end(input)
    return child
  }
  const run: User['run'] = async (words, options) => {
    const child = start(words, options)
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
    return { code: code as number | null, stdout, stderr, output: stdout + stderr }
  }
  return {
    home,
    start,
    startTyping,
    run,
    succeed: async (words, options) => {
      const { code, stdout, stderr } = await run(words, options)
      if (code === 0 && stderr === '') return stdout
      throw new Error(`transload ${words.join(' ')} ended with ${code}: ${stderr}`)
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  }
}

/** The message of the last line on stderr, which has to be a fatal one. */
export function fatalMessage({ stderr }: Pick<Outcome, 'stderr'>): string {
  const line = stderr.trimEnd().split('\n').at(-1) ?? ''
  const quoted = /^time="[^"]+" level=fatal msg=(?<message>.*)$/.exec(line)?.groups?.['message']
  if (quoted === undefined) throw new Error(`no fatal line: ${line}`)
  return quoted.startsWith('"') ? (JSON.parse(quoted) as string) : quoted
}
