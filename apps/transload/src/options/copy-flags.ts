import { canonicalText, parseDockerReference, TransloadError, type Platform } from '@transload/contract'
import type { CopyOptions, ImageSelection } from '@transload/core'

import { boolFlag, stringFlag, stringsFlag, uintFlag, type FlagValues } from '../arguments/flag.ts'
import { prefixError } from '../prefix-error.ts'

/** The flags of `copy` that belong to neither side. */
export const copyFlags = {
  additionalTag: stringsFlag('additional-tag', 'additional tags (supports docker-archive)'),
  all: boolFlag('all', 'Copy all images if SOURCE-IMAGE is a list', { short: 'a' }),
  digestfile: stringFlag('digestfile', 'Write the digest of the pushed image to the specified file'),
  dryRun: boolFlag('dry-run', 'Print what would be done, as JSON, and write nothing'),
  format: stringFlag(
    'format',
    'MANIFEST TYPE (oci, v2s1, or v2s2) to use in the destination (default is manifest type of source, with fallbacks)',
    { short: 'f' },
  ),
  imageParallelCopies: uintFlag(
    'image-parallel-copies',
    'Maximum number of image layers to be copied (pulled/pushed) simultaneously. Not set or 0 means 6',
  ),
  multiArch: stringFlag(
    'multi-arch',
    'How to handle multi-architecture images (system, all, index-only, or platforms: OS/ARCH[/VARIANT],...)',
  ),
  preserveDigests: boolFlag('preserve-digests', 'Preserve digests of images and lists'),
  progress: stringFlag('progress', 'How progress is shown (tty, plain, ndjson, or none)', { placeholder: 'MODE' }),
  quiet: boolFlag('quiet', 'Suppress output information when copying images', { short: 'q' }),
  withReferrers: boolFlag(
    'with-referrers',
    'Also copy what refers to the image, by its subject or by a tag: signatures, attestations, SBOMs, and what refers to those',
  ),
  removeSignatures: boolFlag('remove-signatures', 'Do not copy signatures from SOURCE-IMAGE'),
  signIdentity: stringFlag(
    'sign-identity',
    'Identity of signed image, must be a fully specified docker reference. Defaults to the target docker reference.',
    { placeholder: 'REFERENCE' },
  ),
  stripRemovedPlatforms: boolFlag(
    'strip-removed-platforms',
    'Remove from the list the images that --multi-arch=PLATFORMS leaves out (default is to copy the list as it is)',
  ),
}

export type CopyValues = FlagValues<typeof copyFlags>

/** Throws USAGE. */
export function resolveImageSelection({ all, multiArch, stripRemovedPlatforms }: CopyValues): ImageSelection {
  if (all && multiArch !== undefined) {
    throw new TransloadError('USAGE', 'Cannot use --all and --multi-arch flags together')
  }
  if (multiArch?.includes('/') === true) {
    const platforms = multiArch.split(',').map(parsePlatform)
    return { platforms, others: stripRemovedPlatforms ? 'strip' : 'keep' }
  }
  if (stripRemovedPlatforms) {
    throw new TransloadError('USAGE', '--strip-removed-platforms can only be used with --multi-arch=OS/ARCH,...')
  }
  if (all) return 'all'
  const selection = multiArch ?? 'system'
  if (selection === 'system' || selection === 'all' || selection === 'index-only') return selection
  throw new TransloadError(
    'USAGE',
    `unknown multi-arch option ${JSON.stringify(selection)}. Choose one of the supported options: 'system', 'all', or 'index-only'`,
    { hint: 'Or name platforms: --multi-arch=linux/amd64,linux/arm64.' },
  )
}

function parsePlatform(text: string): Platform {
  const parts = text.trim().split('/')
  const [os = '', architecture = '', variant] = parts
  if (parts.length < 2 || parts.length > 3 || parts.includes('')) {
    throw new TransloadError('USAGE', `invalid platform ${JSON.stringify(text)}: expected OS/ARCH[/VARIANT]`)
  }
  return { os, architecture, variant }
}

/** Throws USAGE. */
export function resolveFormat({ format }: CopyValues): CopyOptions['format'] {
  switch (format) {
    case undefined:
      return undefined
    case 'oci':
      return 'oci'
    case 'v2s2':
      return 'docker'
    case 'v2s1':
      return 'schema1'
    default:
      throw new TransloadError(
        'USAGE',
        `unknown format ${JSON.stringify(format)}. Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'`,
      )
  }
}

/** Canonical `domain/path:tag`s. Throws USAGE. */
export function resolveAdditionalTags({ additionalTag = [] }: CopyValues): readonly string[] {
  return additionalTag.map((text) => {
    const reference = parseTag(text)
    if (reference.tag === undefined) {
      throw new TransloadError('USAGE', `additional-tag '${text}' must be a tagged reference`)
    }
    return canonicalText(reference)
  })
}

function parseTag(text: string): ReturnType<typeof parseDockerReference> {
  try {
    return parseDockerReference(text)
  } catch (error) {
    throw prefixError(`error parsing additional-tag '${text}'`, error)
  }
}
