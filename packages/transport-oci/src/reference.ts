import { resolve } from 'node:path'

import { isDigest, TransloadError, type Digest, type ImageReference } from '@transload/contract'
import { isOciImageName, pathPolicyScopes, splitPathAndImage } from '@transload/formats'

/** `oci:PATH[:IMAGE|:@INDEX|:@DIGEST]`. */
export interface OciReference extends ImageReference {
  readonly scheme: 'oci'
  /** Absolute path of the layout. */
  readonly path: string
  /** The ref.name of the image within the layout. */
  readonly image?: string
  /** Position in `index.json`, from 0. */
  readonly position?: number
  /** Of a manifest in the layout, whether `index.json` names it or an index below it does. */
  readonly digest?: Digest
}

/** Throws REFERENCE_INVALID with the texts scripts match. An empty path is `directory` itself. */
export function parseOciReference(text: string, directory: string): OciReference {
  const { path: typedPath, rest: suffix = '' } = splitPathAndImage(text)
  if (typedPath.includes('\0')) throw invalid('Invalid OCI reference: path contains a NUL character')
  const path = resolve(directory, typedPath)
  const place = { scheme: 'oci', path, policyScopes: pathPolicyScopes(path) } as const
  if (suffix.startsWith('@')) {
    const choice = suffix.slice(1)
    if (isDigest(choice)) return { ...place, text: `${typedPath}:@${choice}`, digest: choice }
    const position = parsePosition(choice)
    return { ...place, text: `${typedPath}:@${position}`, position }
  }
  if (suffix === '') return { ...place, text: `${typedPath}:` }
  if (!isOciImageName(suffix)) {
    throw invalid(
      `Invalid image ${suffix}`,
      'An image name is made of letters and digits, joined by single characters of "-._:@+" or by "/".',
    )
  }
  return { ...place, text: `${typedPath}:${suffix}`, image: suffix }
}

function parsePosition(text: string): number {
  const position = Number(text)
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(position)) {
    throw invalid(
      `Invalid source index @${text}: not an integer: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  }
  if (position < 0) throw invalid(`Invalid source index @${position}: must not be negative`)
  return position
}

function invalid(message: string, hint?: string): TransloadError {
  return new TransloadError('REFERENCE_INVALID', message, { hint })
}
