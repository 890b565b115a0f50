import { TransloadError } from '@transload/contract'
import type { ForeignLayerReader } from '@transload/formats'

export interface OciTransportOptions {
  /** Blobs, manifests included, lie in this directory as `ALGORITHM/HEX`, shared by several layouts. Absolute path. */
  readonly sharedBlobDirectory?: string | undefined
  /** Store layers as they come. Default false: layers that are not compressed get compressed. */
  readonly acceptUncompressedLayers?: boolean | undefined
  /** Reads layers that have URLs and are not stored. Default: such layers cannot be read. */
  readonly readForeignLayer?: ForeignLayerReader | undefined
}

/** Throws CONFIG_INVALID for an option that does not exist or is not of its type. */
export function readOciTransportOptions(given: Readonly<Record<string, unknown>>): OciTransportOptions {
  const { sharedBlobDirectory, acceptUncompressedLayers, readForeignLayer, ...unknown } = given
  const [unknownName] = Object.keys(unknown)
  if (unknownName !== undefined) throw invalid(`there is no option ${JSON.stringify(unknownName)}`)
  if (sharedBlobDirectory !== undefined && (typeof sharedBlobDirectory !== 'string' || sharedBlobDirectory === '')) {
    throw invalid('sharedBlobDirectory is not a path')
  }
  if (acceptUncompressedLayers !== undefined && typeof acceptUncompressedLayers !== 'boolean') {
    throw invalid('acceptUncompressedLayers is not true or false')
  }
  if (readForeignLayer !== undefined && typeof readForeignLayer !== 'function') {
    throw invalid('readForeignLayer is not a function')
  }
  return {
    sharedBlobDirectory,
    acceptUncompressedLayers,
    readForeignLayer: readForeignLayer as ForeignLayerReader | undefined,
  }
}

function invalid(problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `oci transport: ${problem}`, {
    hint: 'Its options are sharedBlobDirectory (a path), acceptUncompressedLayers (true or false) and readForeignLayer.',
  })
}
