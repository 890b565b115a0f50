import { rawManifest, type Digest } from '@transload/contract'

import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { readLocalFile } from '../local-file.ts'
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
  context: CommandContext,
): Promise<void> {
  const digest = computeDigest(await readLocalFile(path, `Error reading manifest from ${path}`, context))
  const { stdout, globals } = context
  await (globals.json ? printJson(stdout, { digest }) : print(stdout, `${digest}\n`))
}

function computeDigest(manifest: Uint8Array): Digest {
  try {
    return rawManifest(manifest).digest
  } catch (error) {
    throw prefixError('Error computing digest', error)
  }
}
