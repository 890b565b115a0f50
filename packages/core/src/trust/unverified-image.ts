import type {
  ImageSource,
  OperationOptions,
  RawManifest,
  SignatureBundle,
  StoredSignature,
  UnverifiedImage,
} from '@transload/contract'

import { TransferError } from '../transfer-error.ts'
import { readBundles } from './read-bundles.ts'

/**
 * A manifest of a source, as a policy is asked about it. Its signatures are read once, so that what is copied is what the
 * policy has seen. Reading them throws TransferError `reading signatures of D: …`.
 */
export function unverifiedImage(source: ImageSource, manifest: RawManifest): UnverifiedImage {
  let stored: Promise<readonly StoredSignature[]> | undefined
  let bundles: Promise<readonly SignatureBundle[]> | undefined
  const reading = async <T>(read: Promise<T>, { signal }: OperationOptions): Promise<T> => {
    try {
      return await read
    } catch (error) {
      signal?.throwIfAborted()
      throw new TransferError('source', 'plan', `reading signatures of ${manifest.digest}`, error)
    }
  }
  const { digest } = manifest
  return {
    reference: source.reference,
    manifest,
    signatures: async (options = {}) =>
      await (stored ??= source.signatures ? reading(source.signatures.list(digest, options), options) : none()),
    bundles: async (options = {}) => await (bundles ??= reading(readBundles(source, digest, options), options)),
  }
}

async function none(): Promise<readonly never[]> {
  return []
}
