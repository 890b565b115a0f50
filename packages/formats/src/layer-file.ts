import { TransloadError, type OperationOptions } from '@transload/contract'

import { compressionMagicBytes, decompressor, detectCompression, type Compression } from './compression.ts'
import type { ReadableTree } from './file-tree.ts'

/** The content of a layer of a saved image, decompressed if it is stored compressed. Lazy. */
export async function* readLayerFile(
  tree: ReadableTree,
  path: string,
  options: OperationOptions = {},
): AsyncGenerator<Uint8Array> {
  const compression = await layerCompression(tree, path, options)
  const stored = tree.read(path, options)
  yield* compression ? decompressor(compression)(stored) : stored
}

/** In bytes, decompressed: that of a compressed layer takes reading it. Throws MANIFEST_INVALID when there is none. */
export async function readLayerSize(tree: ReadableTree, path: string, options: OperationOptions = {}): Promise<number> {
  const stored = await tree.fileSize(path)
  if (stored === undefined) {
    throw new TransloadError(
      'MANIFEST_INVALID',
      `Some layer tarfiles are missing in the tarball: ${JSON.stringify(path)}`,
    )
  }
  if (!(await layerCompression(tree, path, options))) return stored
  let size = 0
  for await (const chunk of readLayerFile(tree, path, options)) size += chunk.length
  return size
}

async function layerCompression(
  tree: ReadableTree,
  path: string,
  { signal }: OperationOptions,
): Promise<Compression | undefined> {
  for await (const head of tree.read(path, { signal, end: compressionMagicBytes })) return detectCompression(head)
  return undefined
}
