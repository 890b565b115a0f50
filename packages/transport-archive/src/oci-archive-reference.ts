import { resolve } from 'node:path'

import { TransloadError, type ImageReference } from '@transload/contract'
import { isOciImageName, pathPolicyScopes, splitPathAndImage } from '@transload/formats'

/** `oci-archive:PATH[:IMAGE]`. */
export interface OciArchiveReference extends ImageReference {
  readonly scheme: 'oci-archive'
  /** Absolute path of the archive. */
  readonly path: string
  /** The ref.name of the image within the archive. */
  readonly image?: string
}

/** Throws REFERENCE_INVALID with the texts scripts match. */
export function parseOciArchiveReference(text: string, directory: string): OciArchiveReference {
  const { path: typedPath, rest: image = '' } = splitPathAndImage(text)
  if (typedPath === '') throw invalid('oci-archive reference: the path of the archive is empty')
  if (typedPath.includes('\0')) throw invalid('oci-archive reference: path contains a NUL character')
  const path = resolve(directory, typedPath)
  const place = { scheme: 'oci-archive', path, policyScopes: pathPolicyScopes(path) } as const
  if (image === '') return { ...place, text: `${typedPath}:` }
  if (!isOciImageName(image)) throw invalid(`Invalid image ${image}`)
  return { ...place, text: `${typedPath}:${image}`, image }
}

function invalid(message: string): TransloadError {
  return new TransloadError('REFERENCE_INVALID', message)
}
