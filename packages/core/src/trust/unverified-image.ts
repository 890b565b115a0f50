import type {
  Digest,
  ImageSource,
  OperationOptions,
  RawManifest,
  Signature,
  StoredSignature,
  UnverifiedImage,
} from '@transload/contract'

import { TransferError } from '../transfer-error.ts'
import { readAttachments } from './read-attachments.ts'
import { readBundles } from './read-bundles.ts'

/**
 * A manifest of a source, as a policy is asked about it. Its signatures are read once, so that what is copied is what the
 * policy has seen. Reading them throws TransferError `reading signatures of D: …`.
 */
export function unverifiedImage(source: ImageSource, manifest: RawManifest): UnverifiedImage {
  let stored: Promise<readonly StoredSignature[]> | undefined
  let attached: Promise<readonly Signature[]> | undefined
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
    attached: async (options = {}) => await (attached ??= reading(readAttached(source, digest, options), options)),
  }
}

async function readAttached(
  source: ImageSource,
  subject: Digest,
  options: OperationOptions,
): Promise<readonly Signature[]> {
  return [...(await readAttachments(source, subject, options)), ...(await readBundles(source, subject, options))]
}

async function none(): Promise<readonly never[]> {
  return []
}
