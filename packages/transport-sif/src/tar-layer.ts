import { open } from 'node:fs/promises'

import { createDigester, mediaTypes, type OperationOptions } from '@transload/contract'
import { readFileRange, type MadeLayer } from '@transload/formats'

/** A tar file as a layer. It is read once, for its digest, and opened again to be copied. */
export async function openTarLayer(path: string, options: OperationOptions): Promise<MadeLayer> {
  const read = async function* (given?: OperationOptions): AsyncGenerator<Uint8Array> {
    await using file = await open(path)
    yield* readFileRange(file, 0, (await file.stat()).size, given)
  }
  const digester = createDigester()
  for await (const chunk of read(options)) digester.update(chunk)
  const { size } = digester
  return { descriptor: { mediaType: mediaTypes.ociLayer, digest: digester.digest(), size }, read, file: path }
}
