import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { rawManifest, type Digest } from '@transload/contract'

import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { print, printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'

export const manifestDigest = defineCommand({
  name: 'manifest-digest',
  description: 'Compute a manifest digest of a file',
  operands: 'MANIFEST-FILE',
  examples: ['manifest-digest manifest.json'],
  flags: {},
  positionals: { least: 1, problem: 'Usage: transload manifest-digest manifest' },
  run: runManifestDigest,
})

async function runManifestDigest(
  _values: unknown,
  [path = '']: readonly string[],
  { stdout, globals, directory }: CommandContext,
): Promise<void> {
  const digest = computeDigest(await readManifestFile(path, directory))
  await (globals.json ? printJson(stdout, { digest }) : print(stdout, `${digest}\n`))
}

async function readManifestFile(path: string, directory: string): Promise<Uint8Array> {
  try {
    return await readFile(resolve(directory, path))
  } catch (error) {
    throw prefixError(`Error reading manifest from ${path}`, error)
  }
}

function computeDigest(manifest: Uint8Array): Digest {
  try {
    return rawManifest(manifest).digest
  } catch (error) {
    throw prefixError('Error computing digest', error)
  }
}
