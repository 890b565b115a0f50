import type { OpenOptions } from '@transload/contract'
import type { Platform } from '@transload/contract'
import { createMemoryBlobInfoCache, defaultPlatform } from '@transload/core'

import type { CommandContext } from './context.ts'

/** What opening images needs, of the global flags. */
export function openOptions({ globals, log, signal }: CommandContext): OpenOptions {
  return { cache: createMemoryBlobInfoCache(), tempDirectory: globals.tmpdir ?? '/var/tmp', log, signal }
}

/** The platform wanted of an index: this machine's, where `--override-*` say nothing else. */
export function wantedPlatform({ globals }: CommandContext): Platform {
  const own = defaultPlatform()
  return {
    os: globals.overrideOs ?? own.os,
    architecture: globals.overrideArch ?? own.architecture,
    variant: globals.overrideVariant,
  }
}
