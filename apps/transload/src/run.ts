import { processLocations } from '@transload/config'
import { TransloadError } from '@transload/contract'

import { readCommandLine, type ReadCommandLine } from './command-line.ts'
import type { Command } from './command.ts'
import type { CommandContext, World } from './context.ts'
import { reportFailure } from './failure.ts'
import { commandHelp } from './help.ts'
import { createLog } from './log.ts'
import { print } from './output.ts'
import { createRegistries } from './registries.ts'

/** Runs one command line and returns the exit code; every failure has been reported by then. */
export async function run(words: readonly string[], world: World): Promise<number> {
  let line: ReadCommandLine | undefined
  try {
    line = await readCommandLine(words)
    const request = await line.request()
    if (request.kind === 'print') await print(world.stdout, request.text)
    else await runCommand(request, line, world)
    return 0
  } catch (error) {
    const log = createLog(logOptions(world, line?.globals.debug))
    return reportFailure(error, { log, stderr: world.stderr, json: line?.globals.json ?? words.includes('--json') })
  }
}

async function runCommand(
  { command, values, positionals }: Extract<Awaited<ReturnType<ReadCommandLine['request']>>, { kind: 'run' }>,
  { globals }: ReadCommandLine,
  world: World,
): Promise<void> {
  await checkPositionals(command, positionals.length, world)
  if (globals.insecurePolicy && globals.requireSigned) {
    throw new TransloadError('USAGE', '--insecure-policy and --require-signed are mutually exclusive')
  }
  const { commandTimeout = 0 } = globals
  const timeout = commandTimeout > 0 ? deadline(commandTimeout) : undefined
  const locations = processLocations()
  const context: CommandContext = {
    ...world,
    globals,
    log: createLog(logOptions(world, globals.debug)),
    locations,
    registries: createRegistries({ globals, locations }),
    signal: timeout ? AbortSignal.any([world.signal, timeout]) : world.signal,
  }
  if (globals.tlsVerify !== undefined) {
    context.log('warn', "'--tls-verify' is deprecated, please set this on the specific subcommand")
  }
  await command.run(values, positionals, context)
}

async function checkPositionals({ positionals, ...command }: Command, count: number, world: World): Promise<void> {
  const { least, most = least, problem, showsHelp } = positionals
  if (count >= least && count <= most) return
  if (showsHelp) await print(world.stderr, commandHelp({ positionals, ...command }))
  throw new TransloadError('USAGE', typeof problem === 'string' ? problem : problem(count))
}

function deadline(ms: number): AbortSignal {
  const controller = new AbortController()
  const expire = (): void => controller.abort(new TransloadError('ABORTED', 'context deadline exceeded'))
  setTimeout(expire, Math.min(ms, 2 ** 31 - 1)).unref()
  return controller.signal
}

function logOptions({ stderr }: World, showsDebug = false): Parameters<typeof createLog>[0] {
  return { write: (line) => stderr.write(line), isTerminal: stderr.isTTY, showsDebug, now: Date.now }
}
