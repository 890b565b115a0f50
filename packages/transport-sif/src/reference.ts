import { resolve } from 'node:path'

import { TransloadError, type ImageReference } from '@transload/contract'
import { pathPolicyScopes } from '@transload/formats'

/** `sif:PATH`. */
export interface SifReference extends ImageReference {
  readonly scheme: 'sif'
  /** Absolute. */
  readonly path: string
}

/** All of `text` is the path, colons included. Throws REFERENCE_INVALID. */
export function parseSifReference(text: string, directory: string): SifReference {
  if (text.includes('\0')) {
    throw new TransloadError('REFERENCE_INVALID', 'Invalid sif reference: path contains a NUL character')
  }
  const path = resolve(directory, text)
  return { scheme: 'sif', text, path, policyScopes: pathPolicyScopes(path) }
}
