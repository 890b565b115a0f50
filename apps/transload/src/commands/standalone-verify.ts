import { readGpgKeyring } from '@transload/config'
import { canonicalText, parseDockerReference, rawManifest, TransloadError } from '@transload/contract'

import { stringFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { readLocalFile } from '../local-file.ts'
import { print, printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'

const flags = {
  keys: {
    publicKeyFile: stringFlag(
      'public-key-file',
      'File containing public keys. If not specified, will use local GPG keys.',
      { placeholder: 'FILE' },
    ),
  },
}

export const standaloneVerify = defineCommand({
  name: 'standalone-verify',
  description: `Verify a signature using local files

KEY-FINGERPRINTS can be a comma separated list of fingerprints, or "any" if you trust all the keys in the public key file.
With a public key file gpg is not needed.`,
  operands: 'MANIFEST DOCKER-REFERENCE KEY-FINGERPRINTS SIGNATURE',
  examples: [
    'standalone-verify busybox-manifest.json registry.example.com/example/busybox 1D8230F6CDB6A06716E414C1DB72F2188BB46CC8 busybox.signature',
    'standalone-verify --public-key-file keys.asc manifest.json registry.example.com/app:1 any app.signature',
  ],
  flags,
  positionals: {
    least: 4,
    problem: 'Usage: transload standalone-verify manifest docker-reference key-fingerprint signature',
  },
  run: runStandaloneVerify,
})

async function runStandaloneVerify(
  { keys: { publicKeyFile } }: GroupValues<typeof flags>,
  [manifestPath = '', reference = '', fingerprints = '', signaturePath = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  if (!publicKeyFile && fingerprints === 'any') {
    throw new TransloadError('USAGE', 'Cannot use any fingerprint without a public key file')
  }
  const manifest = await readLocalFile(manifestPath, `Error reading manifest from ${manifestPath}`, context)
  const signature = await readLocalFile(signaturePath, `Error reading signature from ${signaturePath}`, context)
  const keys = publicKeyFile
    ? await readLocalFile(publicKeyFile, `Error reading public keys from ${publicKeyFile}`, context)
    : await readGnuPgKeys(context)
  const accepted = fingerprints === 'any' ? undefined : fingerprints.split(',')
  try {
    const { fingerprint, digest } = await verifyFiles({ manifest, reference, signature, keys, accepted })
    await (context.globals.json
      ? printJson(context.stdout, { fingerprint, digest })
      : print(context.stdout, `Signature verified using fingerprint ${fingerprint}, digest ${digest}\n`))
  } catch (error) {
    throw prefixError('Error verifying signature', error)
  }
}

interface SignedFiles {
  readonly manifest: Uint8Array
  readonly reference: string
  readonly signature: Uint8Array
  readonly keys: Uint8Array
  /** Fingerprints; undefined: of any of the keys. */
  readonly accepted: readonly string[] | undefined
}

/** Throws unless the signature is a good one of the manifest under this name. */
async function verifyFiles({ manifest, reference, signature, keys, accepted }: SignedFiles) {
  const { readKeyring, verifySimpleSignature } = await import('@transload/signing/openpgp')
  const expected = canonicalText(parseDockerReference(reference))
  const proven = await verifySimpleSignature(signature, await readKeyring([keys]), accepted)
  const { manifest: digest, identity } = proven.payload
  if (digest !== rawManifest(manifest).digest) {
    throw new TransloadError('SIGNATURE_INVALID', `Signature for docker digest "${digest}" does not match`)
  }
  if (readSignedName(identity) !== expected) {
    const problem = `Docker reference ${JSON.stringify(identity)} does not match ${JSON.stringify(reference)}`
    throw new TransloadError('SIGNATURE_INVALID', problem)
  }
  const isSubkey = accepted !== undefined && !accepted.includes(proven.primaryKey)
  return { fingerprint: isSubkey ? proven.signingKey : proven.primaryKey, digest }
}

function readSignedName(identity: string): string {
  try {
    return canonicalText(parseDockerReference(identity))
  } catch (cause) {
    const problem = `Invalid docker reference ${JSON.stringify(identity)} in signature`
    throw new TransloadError('SIGNATURE_INVALID', problem, { cause })
  }
}

async function readGnuPgKeys({ locations, signal }: CommandContext): Promise<Uint8Array> {
  try {
    return await readGpgKeyring(locations, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw prefixError('Error initializing GPG', error)
  }
}
