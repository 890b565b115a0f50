import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { rawManifest, systemErrorText, TransloadError, type Signer } from '@transload/contract'

import { stringFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { readLocalFile } from '../local-file.ts'
import { openGpgSigner, openKeyFileSigner } from '../openpgp-signers.ts'
import { readPassphraseFile } from '../passphrase.ts'
import { prefixError } from '../prefix-error.ts'

const flags = {
  signing: {
    keyFile: stringFlag('key-file', 'sign with the OpenPGP secret key in FILE, without GPG', { placeholder: 'FILE' }),
    output: stringFlag('output', 'output the signature to SIGNATURE', { short: 'o', placeholder: 'SIGNATURE' }),
    passphraseFile: stringFlag(
      'passphrase-file',
      'file that contains a passphrase for the --sign-by key: its first line',
      {
        placeholder: 'FILE',
      },
    ),
  },
}

const usage = 'Usage: transload standalone-sign manifest docker-reference key-fingerprint -o signature'

export const standaloneSign = defineCommand({
  name: 'standalone-sign',
  description: `Creates a signature using local files: of the manifest in MANIFEST, as the image DOCKER-REFERENCE.

The reference is signed as it is given. The key is one of the GnuPG home, unless --key-file names a file with it.`,
  operands: 'MANIFEST DOCKER-REFERENCE KEY-FINGERPRINT|--key-file=FILE --output|-o SIGNATURE',
  examples: [
    'standalone-sign busybox-manifest.json registry.example.com/example/busybox 1D8230F6CDB6A06716E414C1DB72F2188BB46CC8 -o busybox.signature',
  ],
  flags,
  positionals: { least: 2, most: 3, problem: usage },
  run: runStandaloneSign,
})

async function runStandaloneSign(
  { signing: { keyFile, output, passphraseFile } }: GroupValues<typeof flags>,
  [manifestPath = '', identity = '', key]: readonly string[],
  context: CommandContext,
): Promise<void> {
  if (!output || (key === undefined) !== Boolean(keyFile)) throw new TransloadError('USAGE', usage)
  const manifest = await readLocalFile(manifestPath, `Error reading ${manifestPath}`, context)
  const passphrase = passphraseFile ? await readPassphraseFile(passphraseFile, context) : undefined
  const openSigner = (): Promise<Signer> =>
    keyFile ? openKeyFileSigner(keyFile, passphrase, context) : openGpgSigner(key!, passphrase, context)
  const signature = await sign(openSigner, manifest, identity, context)
  try {
    // In place: it may be a pipe or a device.
    await writeFile(resolve(context.directory, output), signature)
  } catch (cause) {
    const problem = `Error writing signature to ${output}: open ${output}: ${systemErrorText(cause)}`
    throw new TransloadError('IO', problem, { cause })
  }
}

async function sign(
  openSigner: () => Promise<Signer>,
  manifest: Uint8Array,
  identity: string,
  context: CommandContext,
): Promise<Uint8Array> {
  try {
    await using signer = await openSigner()
    const signature = await signer.sign({ manifest: rawManifest(manifest).digest, identity }, context)
    if (signature.kind !== 'simple') throw new TransloadError('PROTOCOL', `a ${signature.kind} signature was made`)
    return signature.bytes
  } catch (error) {
    context.signal.throwIfAborted()
    throw prefixError('Error creating signature', error)
  }
}
