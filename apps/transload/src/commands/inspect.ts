import { isSchema1Type, parseManifest, TransloadError, type HttpError, type RawManifest } from '@transload/contract'
import { openImage, TransferError, type Located, type ReadableImage } from '@transload/core'

import { boolFlag, stringFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { causes } from '../exit-code.ts'
import { parseImageConfig } from '../image-config.ts'
import type { Report } from '../inspect-format/report.ts'
import { inspection } from '../inspection.ts'
import { openOptions, wantedPlatform } from '../open-options.ts'
import {
  authFileFlags,
  imageAccessFlags,
  resolveImageAccess,
  sharedBlobFlags,
} from '../options/image-access-options.ts'
import { retryFlags } from '../options/retry-options.ts'
import { print, printJson } from '../output.ts'
import { withRetries } from '../retry.ts'
import { openSide } from '../side.ts'
import { prefixError } from '../system-error.ts'

const flags = {
  inspect: {
    config: boolFlag('config', 'output configuration'),
    format: stringFlag('format', 'Format the output to a Go template', { short: 'f', placeholder: 'template' }),
    noTags: boolFlag('no-tags', 'Do not list the available tags from the repository in the output', { short: 'n' }),
    raw: boolFlag('raw', 'output raw manifest or configuration'),
  },
  access: { ...imageAccessFlags(''), ...authFileFlags, ...sharedBlobFlags('') },
  retry: retryFlags,
}

export const inspect = defineCommand({
  name: 'inspect',
  description: `Return low-level information about "IMAGE-NAME" in a registry/transport

An IMAGE-NAME is TRANSPORT:DETAILS; "transload plugins" lists the transports.`,
  operands: 'IMAGE-NAME',
  examples: [
    'inspect docker://registry.fedoraproject.org/fedora',
    'inspect --config docker://docker.io/alpine',
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
  const { raw = false, config: wantsConfig = false, noTags = false, format = '' } = values.inspect
  if (raw && format !== '') throw new TransloadError('USAGE', 'raw output does not support format option')
  const retried = <T>(attempt: () => Promise<T>): Promise<T> => withRetries(attempt, values.retry, context)
  const stage = <T>(what: string, read: () => Promise<T>): Promise<T> => prefixed(what, () => retried(read))

  await using side = await openSide(resolveImageAccess(values.access, globals), context, { retry: values.retry })
  const opening = `Error parsing image name ${JSON.stringify(name)}`
  const located = await prefixed(opening, () => side.locate(name))
  await using image = await stage(opening, () =>
    openImage(located, { ...openOptions(context), platform: wantedPlatform(context) }),
  )
  const root = await stage('Error retrieving manifest for image', () => image.readRoot())
  if (raw && !wantsConfig) return await print(stdout, root.bytes)

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
  const tags = noTags ? [] : await readRepositoryTags(located, context)
  const shown = inspection({ reference: image.reference, root, instance, config, tags })
  if (asksForJson(format)) return await printJson(stdout, shown)
  const { formatInspection } = await import('../inspect-format/inspect-format.ts')
  await printReport(stdout, formatInspection(format, shown))
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

/** In the registry's order; null if it does not tell. Not retried. */
async function readRepositoryTags(
  { transport, reference }: Located,
  context: CommandContext,
): Promise<string[] | null> {
  if (transport.scheme !== 'docker' || !transport.listTags) return []
  try {
    return await Array.fromAsync(transport.listTags(reference, openOptions(context)))
  } catch (error) {
    if (!refusesListing(error)) throw prefixError('Error determining repository tags', error)
    context.log('warn', 'Registry disallows tag list retrieval; skipping')
    return null
  }
}

function refusesListing(error: unknown): boolean {
  return causes(error).some((cause) => {
    if (!TransloadError.is(cause)) return false
    const { serverCodes = [] } = cause as Partial<HttpError>
    return serverCodes.includes('DENIED') || cause.message.endsWith('404 page not found')
  })
}

/** Puts `what` before the message of an error in place of the words the engine has for the same step. */
async function prefixed<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw prefixError(what, error instanceof TransferError ? error.cause : error)
  }
}
