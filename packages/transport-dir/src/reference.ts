import { resolve } from 'node:path'

import { TransloadError, type ImageReference } from '@transload/contract'
import { pathPolicyScopes } from '@transload/formats'

/** `dir:PATH`. */
export interface DirReference extends ImageReference {
  readonly scheme: 'dir'
  /** Absolute. */
  readonly path: string
}

/** All of `text` is the path, colons included; an empty one is `directory` itself. */
export function parseDirReference(text: string, directory: string): DirReference {
  if (text.includes('\0')) {
    throw new TransloadError('REFERENCE_INVALID', 'Invalid dir reference: path contains a NUL character')
  }
  const path = resolve(directory, text)
  return { scheme: 'dir', text, path, policyScopes: pathPolicyScopes(path) }
}
