import { TransloadError } from '@transload/contract'

import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { readLocalFile } from '../local-file.ts'
import { printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'

export const untrustedSignatureDump = defineCommand({
  name: 'untrusted-signature-dump-without-verification',
  description: `Dump contents of a signature WITHOUT VERIFYING IT

Anybody can have written what is shown: decide nothing by it.`,
  operands: 'SIGNATURE',
  examples: ['untrusted-signature-dump-without-verification app.signature'],
  flags: {},
  positionals: { least: 1, problem: 'Usage: transload untrusted-signature-dump-without-verification signature' },
  run: runUntrustedSignatureDump,
})

async function runUntrustedSignatureDump(
  _values: unknown,
  [path = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  const signature = await readLocalFile(path, `Error reading untrusted signature from ${path}`, context)
  await printJson(context.stdout, await decodeSignature(signature))
}

/** The members as skopeo names them. */
async function decodeSignature(signature: Uint8Array): Promise<Readonly<Record<string, string | null>>> {
  const { readUntrustedSignature } = await import('@transload/signing/openpgp')
  try {
    const { untrustedPayload, untrustedKeyId } = await readUntrustedSignature(signature)
    const { manifest, identity, creator, timestamp } = untrustedPayload
    return {
      UntrustedDockerManifestDigest: manifest,
      UntrustedDockerReference: identity,
      UntrustedCreatorID: creator ?? null,
      UntrustedTimestamp: timestamp === undefined ? null : timeText(timestamp),
      UntrustedShortKeyIdentifier: untrustedKeyId,
    }
  } catch (error) {
    throw prefixError('Error decoding untrusted signature', error)
  }
}

/** RFC 3339 has years of four digits. */
function timeText(seconds: number): string {
  const time = new Date(seconds * 1000)
  const year = time.getUTCFullYear()
  if (year >= 0 && year <= 9999) return time.toISOString().replace('.000Z', 'Z')
  throw new TransloadError('SIGNATURE_INVALID', `the time ${seconds} is outside of the years 0 to 9999`)
}
