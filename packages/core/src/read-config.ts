import {
  collect,
  maxManifestBytes,
  type Descriptor,
  type ImageSource,
  type OperationOptions,
} from '@transload/contract'

import { TransferError } from './transfer-error.ts'
import { createVerification } from './verification.ts'

/** The config blob of an image, verified: at most 4 MiB, so it may be held. Throws TransferError `reading config blob D: …`. */
export async function readConfig(
  source: ImageSource,
  config: Descriptor,
  step: TransferError['step'],
  { signal }: OperationOptions,
): Promise<Uint8Array> {
  try {
    const body = createVerification(config).stage(source.readBlob(config, { signal }))
    return await collect(body, maxManifestBytes, `config ${config.digest}`)
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('source', step, `reading config blob ${config.digest}`, error)
  }
}
