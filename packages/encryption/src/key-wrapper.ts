import type { OperationOptions } from '@transload/contract'

import type { PrivateOptions } from './layer-cipher.ts'

/** Wraps the key of a layer for all recipients of one kind. */
export interface KeyWrapper {
  /** The last part of the annotation's name: `jwe`, `pgp`, `pkcs7`, `provider.NAME`. */
  readonly scheme: string
  wrap(options: PrivateOptions, operation?: OperationOptions): Promise<Uint8Array>
}

/** Finds the key of a layer with private keys of one kind. */
export interface KeyUnwrapper {
  readonly scheme: string
  /** Holds private keys; otherwise whoever is asked (a key provider) has them. */
  readonly holdsPrivateKeys: boolean
  /** Throws whatever it likes when no key fits: others may. */
  unwrap(wrapped: Uint8Array, operation?: OperationOptions): Promise<PrivateOptions>
}

export const wrappedKeyPrefix = 'org.opencontainers.image.enc.keys.'
export const publicOptionsAnnotation = 'org.opencontainers.image.enc.pubopts'
