import type { Descriptor, Manifest } from '@transload/contract'

/** Bytes of the blobs of these images as they are stored, each once; null if a manifest (schema 1) does not say. */
export function compressedSize(manifests: readonly Manifest[]): number | null {
  const sizes = new Map<string, number>()
  for (const manifest of manifests) {
    if (manifest.kind === 'schema1') return null
    const blobs: readonly Descriptor[] = manifest.kind === 'image' ? [manifest.config, ...manifest.layers] : []
    for (const { digest, size = 0 } of blobs) sizes.set(digest, size)
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}
