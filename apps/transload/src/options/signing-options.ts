import { canonicalText, parseDockerReference, TransloadError, type Signer } from '@transload/contract'

import { stringFlag, type FlagValues } from '../arguments/flag.ts'
import type { CommandContext } from '../context.ts'
import { openGpgSigner, openKeyFileSigner } from '../openpgp-signers.ts'
import { readPassphraseFile } from '../passphrase.ts'
import { prefixError } from '../prefix-error.ts'

/** How what is copied is signed. */
export const signingFlags = {
  signBy: stringFlag('sign-by', 'Sign the image using a GPG key with the specified FINGERPRINT', {
    placeholder: 'FINGERPRINT',
  }),
  signByKeyFile: stringFlag('sign-by-key-file', 'Sign the image using the OpenPGP secret key in FILE, without GPG', {
    placeholder: 'FILE',
  }),
  signBySqFingerprint: stringFlag(
    'sign-by-sq-fingerprint',
    'Sign the image using a Sequoia-PGP key with the specified FINGERPRINT',
    { placeholder: 'FINGERPRINT' },
  ),
  signPassphraseFile: stringFlag(
    'sign-passphrase-file',
    'Read a passphrase for signing an image from FILE: its first line',
    { placeholder: 'FILE' },
  ),
}

export type SigningValues = FlagValues<typeof signingFlags>

/** Those who sign, in the order they do. Disposing it disposes them. */
export interface OpenSigners extends AsyncDisposable {
  readonly signers: readonly Signer[]
}

/**
 * Whether keys are there and passphrases fit is found out here, before anything is copied. Throws USAGE, IO for a file
 * that cannot be read, and `creating signature: …`.
 */
export async function openSigners(values: SigningValues, context: CommandContext): Promise<OpenSigners> {
  const { signBy, signByKeyFile, signBySqFingerprint, signPassphraseFile } = values
  const keys = [signBy, signByKeyFile, signBySqFingerprint].filter(Boolean)
  if (signPassphraseFile && keys.length > 1) {
    throw new TransloadError(
      'USAGE',
      'Only one of --sign-by, --sign-by-sq-fingerprint and --sign-by-sigstore-private-key can be used with --sign-passphrase-file',
    )
  }
  const passphrase = signPassphraseFile ? await readPassphraseFile(signPassphraseFile, context) : undefined
  await using opened = new AsyncDisposableStack()
  const signers: Signer[] = []
  const add = (signer: Signer): void => void signers.push(opened.use(signer))
  if (signBySqFingerprint) {
    throw new TransloadError(
      'UNSUPPORTED',
      'Error using --sign-by-sq-fingerprint: Sequoia-PGP support is not enabled in this build',
    )
  }
  try {
    if (signBy) add(await openGpgSigner(signBy, passphrase, context))
    if (signByKeyFile) add(await openKeyFileSigner(signByKeyFile, passphrase, context))
  } catch (error) {
    context.signal.throwIfAborted()
    throw prefixError('creating signature', error)
  }
  const owned = opened.move()
  return { signers, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Of a reference given in full, as `example.com/app:1` is and `app:1` is not. Throws `Could not parse --sign-identity: …`. */
export function resolveSignIdentity(text: string | undefined): string | undefined {
  if (!text) return undefined
  const problem = 'Could not parse --sign-identity'
  let canonical: string
  try {
    canonical = canonicalText(parseDockerReference(text))
  } catch (error) {
    throw prefixError(problem, error)
  }
  if (canonical === text) return text
  throw new TransloadError('REFERENCE_INVALID', `${problem}: repository name must be canonical`, {
    hint: `That is: ${canonical}`,
  })
}
