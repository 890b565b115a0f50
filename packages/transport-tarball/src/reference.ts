import { resolve } from 'node:path'

import { TransloadError, type ImageReference } from '@transload/contract'

/** `tarball:FILE[:FILE…]`. */
export interface TarballReference extends ImageReference {
  readonly scheme: 'tarball'
  /** One layer each, base first: absolute, or `-` for the standard input, which only one may be. */
  readonly files: readonly string[]
}

/** Every colon separates, so paths cannot have one. Throws REFERENCE_INVALID. */
export function parseTarballReference(text: string, directory: string): TarballReference {
  if (text.includes('\0')) throw invalid('a path contains a NUL character')
  const names = text.split(':')
  if (names.includes('')) throw invalid('error opening "": open : no such file or directory')
  if (names.filter((name) => name === '-').length > 1) throw invalid('the standard input can be one layer only')
  const files = names.map((name) => (name === '-' ? name : resolve(directory, name)))
  // An image of such a kind has no identity: only a policy's default applies.
  return { scheme: 'tarball', text, files, policyScopes: [] }
}

function invalid(message: string): TransloadError {
  return new TransloadError('REFERENCE_INVALID', message)
}
