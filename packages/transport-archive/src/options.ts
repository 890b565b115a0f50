import { canonicalText, parseDockerReference, TransloadError } from '@transload/contract'
import { readOciLayerOptions, type OciLayerOptions } from '@transload/formats'

export interface OciArchiveOptions extends OciLayerOptions {
  /** Most bytes a compressed archive may unpack to. Default 256 GiB. */
  readonly maxUnpackedBytes?: number | undefined
}

export interface DockerArchiveOptions {
  /** Most bytes a compressed archive may unpack to. Default 256 GiB. */
  readonly maxUnpackedBytes?: number | undefined
  /** Further `name:tag`s of an image that is written. */
  readonly additionalTags?: readonly string[] | undefined
}

/** Throws CONFIG_INVALID for an option that does not exist or is not of its type. */
export function readOciArchiveOptions(given: Readonly<Record<string, unknown>>): OciArchiveOptions {
  const { maxUnpackedBytes, acceptUncompressedLayers, readForeignLayer, ...unknown } = given
  rejectUnknown('oci-archive', unknown)
  return {
    maxUnpackedBytes: readBytes('oci-archive', maxUnpackedBytes),
    ...readOciLayerOptions('oci-archive', { acceptUncompressedLayers, readForeignLayer }),
  }
}

/** `additionalTags` come back as canonical `domain/path:tag`. Throws CONFIG_INVALID as above. */
export function readDockerArchiveOptions(given: Readonly<Record<string, unknown>>): DockerArchiveOptions {
  const { maxUnpackedBytes, additionalTags = [], ...unknown } = given
  rejectUnknown('docker-archive', unknown)
  if (!Array.isArray(additionalTags) || !additionalTags.every((tag) => typeof tag === 'string')) {
    throw invalid('docker-archive transport: additionalTags is not a list of names')
  }
  return {
    maxUnpackedBytes: readBytes('docker-archive', maxUnpackedBytes),
    additionalTags: additionalTags.map(readTag),
  }
}

function readTag(text: string): string {
  let reference
  try {
    reference = parseDockerReference(text)
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw new TransloadError('CONFIG_INVALID', `error parsing additional-tag '${text}': ${cause.message}`, { cause })
  }
  if (reference.tag === undefined) throw invalid(`additional-tag '${text}' must be a tagged reference`)
  return canonicalText({ domain: reference.domain, path: reference.path, tag: reference.tag })
}

function readBytes(scheme: string, value: unknown): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)) return value
  throw invalid(`${scheme} transport: maxUnpackedBytes is not a number of bytes`)
}

function rejectUnknown(scheme: string, unknown: Readonly<Record<string, unknown>>): void {
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw invalid(`${scheme} transport: there is no option ${JSON.stringify(name)}`)
}

function invalid(problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', problem)
}
