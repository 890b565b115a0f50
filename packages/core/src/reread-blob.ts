import { TransloadError, type Descriptor, type ImageSource, type OperationOptions } from '@transload/contract'

/** Part of a blob once more, of exactly that length, unverified. Throws SIZE_MISMATCH if the source has fewer bytes now. */
export async function* rereadBlob(
  source: ImageSource,
  blob: Descriptor,
  { start, end }: { readonly start: number; readonly end: number },
  options: OperationOptions = {},
): AsyncGenerator<Uint8Array> {
  if (start >= end) return
  const canSkip = source.readBlobFrom !== undefined && start > 0
  const chunks = canSkip ? source.readBlobFrom!(blob, start, options) : source.readBlob(blob, options)
  let position = canSkip ? start : 0
  for await (const chunk of chunks) {
    const wanted = chunk.subarray(Math.max(0, start - position), end - position)
    position += chunk.length
    if (wanted.length > 0) yield wanted
    if (position >= end) return
  }
  throw new TransloadError('SIZE_MISMATCH', `reading ${blob.digest} again: it ends after ${position} bytes`)
}
