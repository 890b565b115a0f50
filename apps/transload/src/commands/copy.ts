import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { copyImage, type CopyOptions, type CopyResult, type Located } from '@transload/core'

import type { GroupValues } from '../arguments/flag.ts'
import { openBlobInfoCache } from '../blob-info-cache.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { checkTempDirectory, openOptions, wantedPlatform } from '../open-options.ts'
import { copyFlags, resolveAdditionalTags, resolveFormat, resolveImageSelection } from '../options/copy-flags.ts'
import { destinationFlags, resolveLayerOptions } from '../options/destination-options.ts'
import { encryptionFlags, resolveEncryption } from '../options/encryption-options.ts'
import { bothSidesFlags, resolveImageAccess } from '../options/image-access-options.ts'
import { retryFlags } from '../options/retry-options.ts'
import { openSigners, resolveSignIdentity, signingFlags } from '../options/signing-options.ts'
import { printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'
import { createProgress, defaultProgressMode, parseProgressMode } from '../progress/progress.ts'
import { withRetries } from '../retry.ts'
import { openSide, type Side } from '../side.ts'
import { loadTrustPolicy } from '../trust-policy.ts'
import { freeBuffersEarly } from '../young-buffers.ts'

const flags = {
  copy: copyFlags,
  encryption: encryptionFlags,
  layers: destinationFlags,
  retry: retryFlags,
  signing: signingFlags,
  ...bothSidesFlags(),
}

export const copy = defineCommand({
  name: 'copy',
  description: `Copies an image, or a list with its images, from one place to another.

An IMAGE-NAME is TRANSPORT:DETAILS; "transload plugins" lists the transports.`,
  operands: 'SOURCE-IMAGE DESTINATION-IMAGE',
  examples: [
    'copy docker://quay.io/skopeo/stable:latest docker://registry.example.com/skopeo:latest',
    'copy --all docker://docker.io/library/alpine oci:images:alpine',
  ],
  flags,
  positionals: { least: 2, problem: 'Exactly two arguments expected', showsHelp: true, completes: 'image' },
  run: runCopy,
})

async function runCopy(
  values: GroupValues<typeof flags>,
  [sourceName = '', destinationName = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { globals, stdout } = context
  const loaded = await loadTrustPolicy(context)
  const { source, destination, bothSides } = values
  if (bothSides.tlsVerify !== undefined) {
    context.log('warn', "'--tls-verify' is deprecated, instead use: --src-tls-verify, --dest-tls-verify")
  }
  await checkTempDirectory(context)
  await using from = await openSide(resolveImageAccess(source, globals, bothSides), context, { retry: values.retry })
  await using to = await openSide(resolveImageAccess(destination, globals, bothSides), context, {
    retry: values.retry,
    acceptUncompressedLayers: values.layers.ociAcceptUncompressedLayers,
    additionalTags: resolveAdditionalTags(values.copy),
  })
  const located = {
    from: await locate(from, sourceName, 'source'),
    to: await locate(to, destinationName, 'destination'),
  }
  const options = await resolveOptions(values, located.to, context)
  await using signing = await openSigners(values.signing, context, { willSign: !values.copy.dryRun })
  const policy = loaded(from.plugins)
  freeBuffersEarly()
  await using cache = openBlobInfoCache(context)
  const result = await withRetries(
    async () => {
      const copied = await copyImage(located.from, located.to, { ...options, cache, policy, signers: signing.signers })
      await writeDigestFile(values.copy.digestfile, copied, context)
      return copied
    },
    values.retry,
    context,
  )
  if (values.copy.dryRun) await printJson(stdout, result.plan)
  else if (globals.json) await printJson(stdout, resultJson(result))
}

/** Throws `Invalid source name X: …`. */
async function locate(side: Side, name: string, role: 'source' | 'destination'): Promise<Located> {
  try {
    return await side.locate(name)
  } catch (error) {
    throw prefixError(`Invalid ${role} name ${name}`, error)
  }
}

async function resolveOptions(
  values: GroupValues<typeof flags>,
  to: Located,
  context: CommandContext,
): Promise<CopyOptions> {
  const { copy: own, layers } = values
  const images = resolveImageSelection(own)
  const encryption = await resolveEncryption(values.encryption, context)
  const signIdentity = resolveSignIdentity(own.signIdentity)
  const quiet = own.quiet ?? false
  const mode =
    own.progress === undefined
      ? defaultProgressMode(context, quiet || (own.dryRun ?? false))
      : parseProgressMode(own.progress)
  const style = { copiesList: images !== 'system', removesSignatures: own.removeSignatures ?? false }
  return {
    ...openOptions(context),
    ...encryption,
    ...resolveLayerOptions(layers, to.reference, context.log),
    images,
    platform: await wantedPlatform(context),
    format: resolveFormat(own),
    preserveDigests: own.preserveDigests,
    withReferrers: own.withReferrers,
    removeSignatures: own.removeSignatures,
    signIdentity,
    concurrency: own.imageParallelCopies || undefined,
    dryRun: own.dryRun,
    progress: createProgress(mode, style, context),
  }
}

/** The digest alone, without a newline. */
async function writeDigestFile(
  path: string | undefined,
  { digest }: CopyResult,
  { directory }: CommandContext,
): Promise<void> {
  if (path === undefined || digest === undefined) return
  try {
    await writeFile(resolve(directory, path), digest)
  } catch (error) {
    throw prefixError(`Failed to write digest to file ${JSON.stringify(path)}`, error)
  }
}

function resultJson({ plan, digest, mediaType, blobs }: CopyResult): Record<string, unknown> {
  return { source: plan.source, destination: plan.destination, digest, mediaType, blobs }
}
