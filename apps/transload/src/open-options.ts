import { readCpuVariant } from '@transload/config'
import type { OpenOptions } from '@transload/contract'
import type { Platform } from '@transload/contract'
import { createMemoryBlobInfoCache, defaultPlatform } from '@transload/core'

import type { CommandContext } from './context.ts'

/** What opening images needs, of the global flags. */
export function openOptions({ globals, log, signal }: CommandContext): OpenOptions {
  return { cache: createMemoryBlobInfoCache(), tempDirectory: globals.tmpdir ?? '/var/tmp', log, signal }
}

/**
 * The platform wanted of an index: this machine's, where `--override-*` say nothing else. The machine's variant is none
 * of another architecture's.
 */
export async function wantedPlatform({ globals, locations }: CommandContext): Promise<Platform> {
  const own = defaultPlatform()
  const { overrideArch, overrideVariant } = globals
  const isOwn = overrideArch === undefined && overrideVariant === undefined
  return {
    os: globals.overrideOs ?? own.os,
    architecture: overrideArch ?? own.architecture,
    variant: isOwn ? await readCpuVariant(own.architecture, locations) : overrideVariant,
  }
}
