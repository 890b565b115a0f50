import { parseJsonObject, type ImageSource, type OperationOptions, type Platform } from '@transload/contract'

import { checkAllSeen, pickEntries, type SomeImages } from './image-selection.ts'
import { describe } from './plan-manifest.ts'
import { readConfig } from './read-config.ts'
import { configFromHistory } from './schema1/config-from-history.ts'
import type { SelectedImage } from './select-images.ts'

/**
 * Where images of an index were asked for and there is only one image, it has to be all of them: throws
 * PLATFORM_UNKNOWN, saying what its config says it is for, or MANIFEST_UNKNOWN. The policy has accepted the image.
 */
export async function checkSingleImage(
  source: ImageSource,
  { raw, manifest }: SelectedImage,
  wanted: SomeImages,
  options: OperationOptions,
): Promise<void> {
  const isArtifact = manifest.kind === 'image' && manifest.artifactType !== undefined
  const platform =
    isArtifact || wanted.platforms.length === 0 ? undefined : await readPlatform(source, manifest, options)
  const there = [{ ...describe(raw), ...(platform ? { platform } : {}) }]
  const seen = new Set<Platform | SelectedImage['raw']['digest']>()
  pickEntries(there, wanted, seen)
  checkAllSeen(wanted, seen, there)
}

async function readPlatform(
  source: ImageSource,
  manifest: SelectedImage['manifest'],
  options: OperationOptions,
): Promise<Platform | undefined> {
  const bytes =
    manifest.kind === 'schema1'
      ? configFromHistory(manifest.layers, [])
      : await readConfig(source, manifest.config, 'plan', options)
  const { os, architecture, variant } = parseJsonObject(bytes, 'image config')
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) }
}
