import type { Locations } from '@transload/config'

import type { CommandLog } from './log.ts'
import type { GlobalValues } from './options/global-options.ts'
import type { Registries } from './registries.ts'

/** What the program has of the world. Nothing but `main.ts` touches `process`. */
export interface World {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** The working directory. */
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  /** What SIGINT does, for a Ctrl-C that comes as a character. */
  readonly interrupt: () => void
}

/** What a command is given. `signal` is also aborted by `--command-timeout`. */
export interface CommandContext extends World {
  readonly globals: GlobalValues
  readonly log: CommandLog
  /** Where configuration is looked for. */
  readonly locations: Locations
  readonly registries: Registries
}
