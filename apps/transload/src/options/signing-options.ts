import { canonicalText, parseDockerReference, TransloadError, type Signer } from '@transload/contract'
import type { SignatureForm } from '@transload/signing/sigstore'

import { stringFlag, type FlagValues } from '../arguments/flag.ts'
import type { CommandContext } from '../context.ts'
import { openGpgSigner, openKeyFileSigner, openSqSigner } from '../openpgp-signers.ts'
import { readPassphraseFile } from '../passphrase.ts'
import { prefixError } from '../prefix-error.ts'
import { openSigstoreKeySigner, openSigstoreSigner } from '../sigstore-signers.ts'

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
  signBySigstore: stringFlag('sign-by-sigstore', 'Sign the image using a sigstore parameter file at PATH', {
    placeholder: 'PATH',
  }),
  signBySigstorePrivateKey: stringFlag(
    'sign-by-sigstore-private-key',
    'Sign the image using the sigstore private key at PATH',
    { placeholder: 'PATH' },
  ),
  signPassphraseFile: stringFlag(
    'sign-passphrase-file',
    'Read a passphrase for signing an image from FILE: its first line',
    { placeholder: 'FILE' },
  ),
  signSigstoreAs: stringFlag(
    'sign-sigstore-as',
    'What sigstore signatures are kept as: attachment, which skopeo and podman know, or bundle, as cosign 3 (default attachment)',
    { placeholder: 'FORM' },
  ),
}

export type SigningValues = FlagValues<typeof signingFlags>

/** Those who sign, in the order they do. Disposing it disposes them. */
export interface OpenSigners extends AsyncDisposable {
  readonly signers: readonly Signer[]
}

/**
 * Whether keys are there and passphrases fit is found out here, before anything is copied; nobody is asked for what lasts
 * only minutes unless it will be needed. Throws USAGE, IO for a file that cannot be read, `creating signature: …`, and
 * `Error using --sign-by-…: …`.
 */
export async function openSigners(
  values: SigningValues,
  context: CommandContext,
  { willSign }: { readonly willSign: boolean },
): Promise<OpenSigners> {
  const { signBy, signByKeyFile, signBySqFingerprint, signPassphraseFile } = values
  const { signBySigstore, signBySigstorePrivateKey } = values
  const form = resolveForm(values)
  const keys = [signBy, signByKeyFile, signBySqFingerprint, signBySigstorePrivateKey].filter(Boolean)
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
  const adding = async (what: string, opening: Promise<Signer>): Promise<void> => {
    try {
      add(await opening)
    } catch (error) {
      context.signal.throwIfAborted()
      throw prefixError(what, error)
    }
  }
  if (signBySigstore) {
    await adding('Error using --sign-by-sigstore', openSigstoreSigner(signBySigstore, { form, willSign }, context))
  }
  if (signBySqFingerprint) {
    const opening = openSqSigner(signBySqFingerprint, passphrase, context)
    await adding('Error using --sign-by-sq-fingerprint', opening)
  }
  if (signBy) await adding('creating signature', openGpgSigner(signBy, passphrase, context))
  if (signByKeyFile) await adding('creating signature', openKeyFileSigner(signByKeyFile, passphrase, context))
  if (signBySigstorePrivateKey) {
    add(await openSigstoreKeySigner(signBySigstorePrivateKey, { passphrase, form }, context))
  }
  const owned = opened.move()
  return { signers, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function resolveForm({ signSigstoreAs: form = 'attachment' }: SigningValues): SignatureForm {
  if (form === 'attachment' || form === 'bundle') return form
  throw new TransloadError(
    'USAGE',
    `unknown form of sigstore signatures ${JSON.stringify(form)}. Choose one of the supported forms: 'attachment' or 'bundle'`,
  )
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
