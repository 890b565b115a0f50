import { resolve } from 'node:path'

import {
  canonicalText,
  parseDockerReference,
  TransloadError,
  withDefaultTag,
  type ImageReference,
} from '@transload/contract'
import { splitPathAndImage } from '@transload/formats'

/** `docker-archive:PATH[:NAME[:TAG]|:@INDEX]`. */
export interface DockerArchiveReference extends ImageReference {
  readonly scheme: 'docker-archive'
  /** Absolute path of the archive. */
  readonly path: string
  /** Canonical `domain/path:tag` of the image. */
  readonly name?: string
  /** Position in the archive, from 0. */
  readonly index?: number
}

/** Throws REFERENCE_INVALID with the texts scripts match. */
export function parseDockerArchiveReference(text: string, directory: string): DockerArchiveReference {
  if (text === '') {
    throw invalid(`docker-archive reference ${text} isn't of the form <path>[:<reference>]`)
  }
  const { path: typedPath, rest } = splitPathAndImage(text)
  if (typedPath.includes('\0')) throw invalid('docker-archive reference: path contains a NUL character')
  // A trust policy knows archives only as a whole: there is no scope to set one apart from another.
  const place = { scheme: 'docker-archive', path: resolve(directory, typedPath), policyScopes: [] } as const
  if (rest === undefined) return { ...place, text: typedPath }
  if (rest.startsWith('@')) {
    const index = parseIndex(rest.slice(1))
    return { ...place, text: `${typedPath}:@${index}`, index }
  }
  const name = parseTaggedName(rest)
  return { ...place, text: `${typedPath}:${name}`, name }
}

/** The canonical `domain/path:tag`; `latest` without a tag. Throws REFERENCE_INVALID. */
function parseTaggedName(text: string): string {
  let reference
  try {
    reference = withDefaultTag(parseDockerReference(text))
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw new TransloadError('REFERENCE_INVALID', `docker-archive parsing reference: ${cause.message}`, { cause })
  }
  if (reference.tag === undefined) throw invalid(`reference does not include a tag: ${canonicalText(reference)}`)
  return canonicalText(reference)
}

function parseIndex(text: string): number {
  const index = Number(text)
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(index)) {
    throw invalid(`Invalid source index @${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
  if (index < 0) throw invalid(`Invalid source index @${index}: must not be negative`)
  return index
}

function invalid(message: string): TransloadError {
  return new TransloadError('REFERENCE_INVALID', message)
}
