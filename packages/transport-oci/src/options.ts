import { TransloadError } from '@transload/contract'
import { readOciLayerOptions, type OciLayerOptions } from '@transload/formats'

export interface OciTransportOptions extends OciLayerOptions {
  /** Blobs, manifests included, lie in this directory as `ALGORITHM/HEX`, shared by several layouts. Absolute path. */
  readonly sharedBlobDirectory?: string | undefined
}

/** Throws CONFIG_INVALID for an option that does not exist or is not of its type. */
export function readOciTransportOptions(given: Readonly<Record<string, unknown>>): OciTransportOptions {
  const { sharedBlobDirectory, acceptUncompressedLayers, readForeignLayer, ...unknown } = given
  const [unknownName] = Object.keys(unknown)
  if (unknownName !== undefined) throw invalid(`there is no option ${JSON.stringify(unknownName)}`)
  if (sharedBlobDirectory !== undefined && (typeof sharedBlobDirectory !== 'string' || sharedBlobDirectory === '')) {
    throw invalid('sharedBlobDirectory is not a path')
  }
  return { sharedBlobDirectory, ...readOciLayerOptions('oci', { acceptUncompressedLayers, readForeignLayer }) }
}

function invalid(problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `oci transport: ${problem}`, {
    hint: 'Its options are sharedBlobDirectory (a path), acceptUncompressedLayers (true or false) and readForeignLayer.',
  })
}
