import { TransloadError, type OperationOptions, type Signer } from '@transload/contract'

import { encodePayload } from '../payload.ts'

/** What the signatures say of how they were made; nothing proves it. */
export interface SimpleSignerOptions {
  /** The program, and its version. */
  readonly creator?: string | undefined
  /** Milliseconds since 1970. Default: the clock's. */
  readonly now?: (() => number) | undefined
}

/** What makes a binary OpenPGP message of the bytes and a signature of them, both in it. */
export type SignMessage = (content: Uint8Array, options: OperationOptions) => Promise<Uint8Array>

/** A signer of "atomic container signatures" (trust.md §2). Throws what `signMessage` throws. */
export function simpleSigner(
  method: string,
  signMessage: SignMessage,
  { creator, now = Date.now }: SimpleSignerOptions,
): Signer {
  return {
    method,
    makes: 'simple',
    async sign({ manifest, identity }, options = {}) {
      if (identity === '') throw new TransloadError('REFERENCE_INVALID', 'Unexpected empty signature content')
      const stamp = { ...(creator === undefined ? {} : { creator }), timestamp: Math.floor(now() / 1000) }
      const payload = encodePayload({ manifest, identity, ...stamp }, 'atomic container signature')
      return { kind: 'simple', bytes: await signMessage(payload, options) }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
