import type { OperationOptions } from '@transload/contract'

import type { KeyProviderCall } from './key-provider.ts'

/** What keys are read with: the application says which files there are and what may be run. */
export interface KeyAccess {
  /** A file the user named. Rejects with what the system said. */
  readFile(path: string): Promise<Uint8Array>
  /** What an open file descriptor has to say, for passwords; absent: descriptors cannot be used. */
  readDescriptor?(descriptor: number): Promise<Uint8Array>
  /** All public keys of the user's GnuPG keyring, as `gpg --export` gives them; absent: no OpenPGP recipients. */
  readKeyring?(options?: OperationOptions): Promise<Uint8Array>
  /** By name (`provider:NAME`). */
  readonly keyProviders?: Readonly<Record<string, KeyProviderCall>> | undefined
}
