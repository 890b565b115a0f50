import {
  isSchema1Type,
  parseManifest,
  rawManifest,
  TransloadError,
  type DigestAlgorithm,
  type RawManifest,
  type TrustPolicy,
} from '@transload/contract'
import { openImage, type ReadableImage } from '@transload/core'

import { boolFlag, stringFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { parseImageConfig } from '../image-config.ts'
import type { Report } from '../inspect-format/report.ts'
import { inspection } from '../inspection.ts'
import { openOptions, wantedPlatform } from '../open-options.ts'
import {
  authFileFlags,
  imageAccessFlags,
  resolveImageAccess,
  localPlaceFlags,
} from '../options/image-access-options.ts'
import { retryFlags } from '../options/retry-options.ts'
import { loadVerification, saysWhoSigned, verificationFlags } from '../options/verification-options.ts'
import { print, printJson } from '../output.ts'
import { platformTable, readPlatformListing } from '../platform-listing.ts'
import { prefixError } from '../prefix-error.ts'
import { startTagListing } from '../repository-tags.ts'
import { withRetries } from '../retry.ts'
import { openSide } from '../side.ts'
import { verifyImage } from '../verify-image.ts'
import { withoutPlace } from '../without-place.ts'

const flags = {
  inspect: {
    config: boolFlag('config', 'output configuration'),
    format: stringFlag('format', 'Format the output to a Go template', { short: 'f', placeholder: 'template' }),
    manifestDigest: stringFlag('manifest-digest', 'Algorithm of the digest shown (sha256, sha384, or sha512)', {
      placeholder: 'ALGORITHM',
    }),
    noTags: boolFlag('no-tags', 'Do not list the available tags from the repository in the output', { short: 'n' }),
    platforms: boolFlag('platforms', 'List the images for each platform, with digests and sizes; JSON with --json'),
    raw: boolFlag('raw', 'output raw manifest or configuration'),
    verify: boolFlag('verify', 'Print nothing unless the image is signed, as the verify command has it'),
  },
  verification: verificationFlags,
  access: { ...imageAccessFlags(''), ...authFileFlags, ...localPlaceFlags('') },
  retry: retryFlags,
}

export const inspect = defineCommand({
  name: 'inspect',
  description: `Return low-level information about "IMAGE-NAME" in a registry/transport

An IMAGE-NAME is TRANSPORT:DETAILS; "transload plugins" lists the transports. With --verify what is shown of a list
without a signature is the image for this platform, if that is signed; --raw and --platforms then show nothing.`,
  operands: 'IMAGE-NAME',
  examples: [
    'inspect docker://registry.fedoraproject.org/fedora',
    'inspect --config docker://docker.io/alpine',
    'inspect --platforms docker://docker.io/alpine',
    "inspect --format '{{.Name}}@{{.Digest}} {{.Architecture}}' docker://docker.io/alpine",
  ],
  flags,
  positionals: { least: 1, problem: 'Exactly one argument expected', completes: 'image' },
  run: runInspect,
})

async function runInspect(
  values: GroupValues<typeof flags>,
  [name = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { stdout, globals } = context
  const { raw = false, config: wantsConfig = false, noTags = false, platforms = false, format = '' } = values.inspect
  if (raw && format !== '') throw new TransloadError('USAGE', 'raw output does not support format option')
  if (platforms && (raw || wantsConfig || format !== '')) {
    throw new TransloadError('USAGE', '--platforms cannot be used with --raw, --config or --format')
  }
  const algorithm = parseAlgorithm(values.inspect.manifestDigest)
  if (saysWhoSigned(values.verification) && !values.inspect.verify) {
    throw new TransloadError('USAGE', 'whose signatures are accepted is of no interest without --verify')
  }
  const verification = values.inspect.verify ? await loadVerification(values.verification, context) : undefined
  const retried = <T>(attempt: () => Promise<T>): Promise<T> => withRetries(attempt, values.retry, context)
  const stage = <T>(what: string, read: () => Promise<T>): Promise<T> =>
    prefixed(what, () => retried(() => withoutPlace(read)))

  await using side = await openSide(resolveImageAccess(values.access, globals), context, {
    retry: values.retry,
    readsAttachments: verification?.readsAttachments,
  })
  const opening = `Error parsing image name ${JSON.stringify(name)}`
  const located = await prefixed(opening, () => side.locate(name))
  using listing = raw || wantsConfig || noTags || platforms ? undefined : startTagListing(located, context)
  let tries = 0
  await using image = await stage(opening, async () => {
    tries++
    return await openImage(located, { ...openOptions(context), platform: await wantedPlatform(context) })
  })
  const stored = await stage('Error retrieving manifest for image', () => image.readRoot())
  const policy = verification?.policyFor(side.plugins, image.reference)
  const trusted = policy
    ? await retried(() => readVerified(image, policy, { rootOnly: (raw && !wantsConfig) || platforms }))
    : stored
  if (raw && !wantsConfig) return await print(stdout, trusted.bytes)
  const root = algorithm ? rawManifest(trusted.bytes, trusted.mediaType, algorithm) : trusted
  if (platforms) {
    const found = await stage('Error reading the images of the list', () => readPlatformListing(image, root.digest))
    return await (globals.json ? printJson(stdout, found) : print(stdout, platformTable(found)))
  }

  const instance = await readImageManifest(image)
  if (raw) {
    // A schema 1 image has no blob to show.
    if (isSchema1Type(instance.mediaType)) return
    return await print(stdout, await stage('Error reading configuration blob', () => image.readConfig()))
  }
  if (wantsConfig) {
    const what = 'Error reading OCI-formatted configuration data'
    const bytes = await stage(what, () => readImageConfig(image, instance))
    const shown = await prefixed(what, async () => parseImageConfig(bytes))
    if (asksForJson(format)) return await printJson(stdout, shown)
    const { formatImageConfig } = await import('../inspect-format/inspect-format.ts')
    const writing = 'Error writing OCI-formatted configuration data to standard output'
    return await prefixed(writing, () => printReport(stdout, formatImageConfig(format, shown)))
  }
  const config = await retried(() => readImageConfig(image, instance))
  const tags = listing ? await listing.read(tries > 1) : []
  const shown = inspection({ reference: image.reference, root, instance, config, tags })
  if (asksForJson(format)) return await printJson(stdout, shown)
  const { formatInspection } = await import('../inspect-format/inspect-format.ts')
  await printReport(stdout, formatInspection(format, shown))
}

/** What stands for the image: proved by a signature; `rootOnly`: as the place has it. Throws TrustError. */
async function readVerified(
  image: ReadableImage,
  policy: TrustPolicy,
  { rootOnly }: { readonly rootOnly: boolean },
): Promise<RawManifest> {
  if (!rootOnly) return (await verifyImage(image, policy)).manifest
  const root = await image.readRoot()
  await image.checkTrust(policy, root)
  return root
}

/** Throws USAGE. Empty is the same as absent: the digest the manifest has. */
function parseAlgorithm(text: string | undefined): DigestAlgorithm | undefined {
  if (text === undefined || text === '') return undefined
  if (text === 'sha256' || text === 'sha384' || text === 'sha512') return text
  throw new TransloadError('USAGE', `manifest digest: unsupported digest algorithm: ${JSON.stringify(text)}`, {
    hint: 'It can be sha256, sha384 or sha512.',
  })
}

/** The formats that ask for what there is without one. */
function asksForJson(format: string): boolean {
  return format === '' || /^\s*(?:json|\{\{\s*json\.?\s*\}\})\s*$/.test(format)
}

/** Throws what is wrong with the template when what it printed until then is printed. */
async function printReport(stdout: NodeJS.WriteStream, { bytes, error }: Report): Promise<void> {
  await print(stdout, bytes)
  if (error) throw error
}

/** The chosen instance, known to be a manifest that can be parsed. */
async function readImageManifest(image: ReadableImage): Promise<RawManifest> {
  try {
    const instance = await image.readInstance()
    parseManifest(instance)
    return instance
  } catch (error) {
    throw prefixError('Error parsing manifest for image', error)
  }
}

/** The config of an image. Throws UNSUPPORTED for an artifact, whose config is something else. */
async function readImageConfig(image: ReadableImage, instance: RawManifest): Promise<Uint8Array> {
  const manifest = parseManifest(instance)
  if (manifest.kind === 'image' && manifest.artifactType !== undefined) {
    throw new TransloadError(
      'UNSUPPORTED',
      `unsupported image-specific operation on artifact with type "${manifest.artifactType}"`,
      { hint: 'What an artifact consists of shows with --raw.' },
    )
  }
  return await image.readConfig()
}

/** Puts `what` before the message of an error in place of the words the engine has for the same step. */
async function prefixed<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw prefixError(what, error)
  }
}
