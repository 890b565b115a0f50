import { access, constants } from 'node:fs/promises'
import { resolve } from 'node:path'

import { readCpuVariant } from '@transload/config'
import type { OpenOptions, Platform } from '@transload/contract'
import { createMemoryBlobInfoCache, defaultPlatform } from '@transload/core'

import type { CommandContext } from './context.ts'
import { prefixError } from './prefix-error.ts'

/** What opening images needs, of the global flags. */
export function openOptions({ globals, log, signal }: CommandContext): OpenOptions {
  return { cache: createMemoryBlobInfoCache(), tempDirectory: globals.tmpdir ?? '/var/tmp', log, signal }
}

/**
 * For commands that put big files aside: a `--tmpdir` that cannot be written to fails at once rather than in the midst.
 * Throws IO.
 */
export async function checkTempDirectory({ globals, directory }: CommandContext): Promise<void> {
  if (globals.tmpdir === undefined) return
  try {
    await access(resolve(directory, globals.tmpdir), constants.W_OK)
  } catch (error) {
    throw prefixError('creating temp directory', error)
  }
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
