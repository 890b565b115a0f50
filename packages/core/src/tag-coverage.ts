import { encodeJson, TransloadError, type RawManifest } from '@transload/contract'

import { parseReferrer } from './parse-referrer.ts'
import { sortedMap } from './sorted-map.ts'

/**
 * Is this the wanted manifest, or one that has all of its layers as it describes them? Each signature is a layer, and
 * its annotations are what tells it from another one of the same payload.
 */
export function coversManifest(existing: RawManifest | undefined, wanted: RawManifest): boolean {
  if (!existing) return false
  if (existing.digest === wanted.digest) return true
  const expected = layerKeys(wanted)
  const layers = new Set(layerKeys(existing))
  return expected.length > 0 && expected.every((key) => layers.has(key))
}

function layerKeys(raw: RawManifest): readonly string[] {
  try {
    const manifest = parseReferrer(raw)
    if (manifest.kind !== 'image') return []
    return manifest.layers.map(({ digest, annotations = {} }) => encodeJson([digest, sortedMap(annotations)]))
  } catch (error) {
    if (TransloadError.is(error, 'MANIFEST_INVALID')) return []
    throw error
  }
}
