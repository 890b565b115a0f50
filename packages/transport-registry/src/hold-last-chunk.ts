/**
 * The same chunks, the last one only after `body` has ended: if `body` throws after its last byte, because the content
 * was wrong, the receiver never got all of it.
 */
export async function* holdLastChunk(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined
  for await (const chunk of body) {
    if (chunk.length === 0) continue
    if (held) yield held
    held = chunk
  }
  if (held) yield held
}
