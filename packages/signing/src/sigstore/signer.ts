import type { Signature, Signer } from '@transload/contract'

import type { KeySupply } from './fulcio.ts'
import type { RekorOptions } from './rekor.ts'
import { signAttachment } from './sign-attachment.ts'
import { signBundle } from './sign-bundle.ts'
import type { SigningKey } from './signing-key.ts'

/**
 * How a signature is kept: `attachment`, as skopeo and podman do and cosign did, under a tag of its own; or `bundle`, as
 * cosign does since its version 3, referring to the image.
 */
export type SignatureForm = 'attachment' | 'bundle'

export interface SigstoreSignerOptions {
  /** What signs; a supply is asked for each signature. */
  readonly key: SigningKey | KeySupply
  /** Default: `attachment`. */
  readonly form?: SignatureForm | undefined
  /** The log that gets each signature. Without one, a signature by a key of Fulcio is worth nothing once that expired. */
  readonly rekor?: RekorOptions | undefined
  /** What the signature says of who made it. Default: `transload`. */
  readonly creator?: string | undefined
}

/** Signs as cosign does (trust.md §3). `sign` may be called concurrently. */
export function createSigstoreSigner({
  key,
  form = 'attachment',
  rekor,
  creator = 'transload',
}: SigstoreSignerOptions): Signer {
  return {
    method: 'a sigstore signature',
    makes: form === 'bundle' ? 'bundle' : 'sigstore',
    async sign(claim, options = {}): Promise<Signature> {
      const signingKey = typeof key === 'function' ? await key(options) : key
      const log = rekor && { ...rekor, signal: options.signal }
      return form === 'bundle'
        ? await signBundle(claim, signingKey, log)
        : await signAttachment({ ...claim, creator, timestamp: Math.floor(Date.now() / 1000) }, signingKey, log)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
