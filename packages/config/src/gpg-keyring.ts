import type { OperationOptions } from '@transload/contract'

import type { Locations } from './locations.ts'
import { readProgramOutput } from './run-program.ts'

const maxKeyringBytes = 64 * 1024 * 1024

/** All public keys of the user's GnuPG keyring, as gpg exports them. Throws CONFIG_INVALID if gpg is missing or fails. */
export async function readGpgKeyring(
  { env }: Pick<Locations, 'env'>,
  { signal }: OperationOptions = {},
): Promise<Uint8Array> {
  return await readProgramOutput('gpg', ['--batch', '--export'], { env, maxBytes: maxKeyringBytes, signal })
}
