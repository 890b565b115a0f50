import type { ImageSource, OpenOptions } from '@transload/contract'
import { openOciImageSource, ReadableOciLayout } from '@transload/formats'

import type { OciArchiveReference } from './oci-archive-reference.ts'
import { openArchive } from './open-archive.ts'
import type { OciArchiveOptions } from './options.ts'

/**
 * Blobs are read where they lie in the file, which stays open until the source is disposed. Throws MANIFEST_UNKNOWN
 * when there is no such file or image.
 */
export async function openOciArchiveSource(
  reference: OciArchiveReference,
  { maxUnpackedBytes, readForeignLayer }: OciArchiveOptions,
  options: OpenOptions,
): Promise<ImageSource> {
  await using undo = new AsyncDisposableStack()
  const absence = `archive file not found: ${JSON.stringify(reference.path)}`
  const tree = undo.use(await openArchive(reference.path, absence, maxUnpackedBytes, options))
  const { signal } = options
  const source = await openOciImageSource(new ReadableOciLayout(tree), reference, {
    signal,
    owned: tree,
    readForeignLayer,
  })
  undo.move()
  return source
}
