import { errorMessage, parseDockerReference, repositoryName, TransloadError, type Transport } from '@transload/contract'

import { boolFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { inOrder } from '../in-order.ts'
import { openOptions, wantedPlatform } from '../open-options.ts'
import { authFileFlags, imageAccessFlags, resolveImageAccess } from '../options/image-access-options.ts'
import { retryFlags, type RetryValues } from '../options/retry-options.ts'
import { printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'
import { withRetries } from '../retry.ts'
import { openSide, type Side } from '../side.ts'
import { readTagDetails } from '../tag-details.ts'
import { printTagJson, printTagTable, type ListedTag } from '../tag-listing.ts'

const flags = {
  list: { long: boolFlag('long', 'Show digest, time of creation, size and platforms of each tag') },
  access: { ...imageAccessFlags(''), ...authFileFlags },
  retry: retryFlags,
}

/** Tags whose details are asked for at once. */
const tagsAtOnce = 8

export const listTags = defineCommand({
  name: 'list-tags',
  description: `Return the list of tags from the transport/repository "SOURCE-IMAGE"

SOURCE-IMAGE is docker://REPOSITORY without a tag, docker-archive:FILE or oci:DIRECTORY. "tags" is the same command.
With --long it prints a table, or JSON with --json, line by line. Time and size of a list are those of its image for
this machine; a tag that cannot be read is shown with its error, and the command fails at the end.`,
  operands: 'SOURCE-IMAGE',
  examples: [
    'list-tags docker://docker.io/fedora',
    'list-tags docker-archive:images.tar',
    'tags --long docker://registry.example.com/app',
  ],
  flags,
  positionals: { least: 1, problem: 'Exactly one non-option argument expected', showsHelp: true },
  run: runListTags,
})

interface Listing {
  /** What the JSON begins with. */
  readonly head: { readonly Repository?: string }
  readonly tags: readonly string[]
  /** The name of the image with a tag. */
  readonly imageName: (tag: string) => string
}

async function runListTags(
  { list: { long = false }, access, retry }: GroupValues<typeof flags>,
  [name = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  await using side = await openSide(resolveImageAccess(access, context.globals), context, { retry })
  const { head, tags, imageName } = await readListing(name, side, retry, context)
  if (!long) return await printJson(context.stdout, { ...head, Tags: tags })
  const options = { ...openOptions(context), platform: await wantedPlatform(context) }
  let failures = 0
  const listed = inOrder(tags, tagsAtOnce, async (tag): Promise<ListedTag> => {
    try {
      const located = await side.locate(imageName(tag))
      return await withRetries(() => readTagDetails(tag, located, options), retry, context)
    } catch (error) {
      context.signal.throwIfAborted()
      failures++
      return { Tag: tag, Error: errorMessage(error) }
    }
  })
  await (context.globals.json
    ? printTagJson(context.stdout, head, listed)
    : printTagTable(context.stdout, tags, listed))
  if (failures === 0) return
  throw new TransloadError('UNAVAILABLE', `Error reading ${failures} of ${tags.length} tags`)
}

async function readListing(name: string, side: Side, retry: RetryValues, context: CommandContext): Promise<Listing> {
  const scheme = readScheme(name, side)
  if (scheme === 'docker') {
    const repository = parseRepository(name)
    const { transport, reference } = await side.locate(name)
    const read = (): Promise<readonly string[]> => collectTags(transport, reference, context)
    try {
      const tags = await withRetries(read, retry, context)
      return { head: { Repository: repository }, tags, imageName: (tag) => `${name}:${tag}` }
    } catch (error) {
      throw prefixError('Error listing repository tags', error)
    }
  }
  if (!(await side.plugins.transports.get(scheme)).listTags) {
    throw new TransloadError(
      'UNSUPPORTED',
      `Unsupported transport '${scheme}' for tag listing. Only supported: ${(await listingSchemes(side)).join(', ')}`,
    )
  }
  const { transport, reference } = await side.locate(name)
  const path = name.slice(scheme.length + 1).split(':', 1)[0]!
  const tags = await collectTags(transport, reference, context)
  return { head: {}, tags, imageName: (tag) => `${scheme}:${path}:${tag}` }
}

/** Throws REFERENCE_INVALID. */
function readScheme(name: string, { plugins }: Side): string {
  const colon = name.indexOf(':')
  const scheme = name.slice(0, Math.max(colon, 0))
  if (colon >= 0 && plugins.transports.has(scheme)) return scheme
  throw new TransloadError('REFERENCE_INVALID', `Invalid ${JSON.stringify(name)}: does not specify a transport`)
}

/** `docker://REPOSITORY`, without tag and digest → its full name. Throws REFERENCE_INVALID. */
function parseRepository(name: string): string {
  if (!name.startsWith('docker://')) {
    throw new TransloadError('REFERENCE_INVALID', `docker: image reference ${name} does not start with docker://`)
  }
  const reference = parseDockerReference(name.slice('docker://'.length))
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw new TransloadError('REFERENCE_INVALID', 'No tag or digest allowed in reference')
  }
  return repositoryName(reference)
}

async function collectTags(
  transport: Transport,
  reference: Parameters<NonNullable<Transport['listTags']>>[0],
  context: CommandContext,
): Promise<readonly string[]> {
  return await Array.fromAsync(transport.listTags?.(reference, openOptions(context)) ?? [])
}

async function listingSchemes({ plugins: { transports } }: Side): Promise<readonly string[]> {
  const loaded = await Promise.all(transports.keys().map((scheme) => transports.get(scheme)))
  return loaded.filter((transport) => 'listTags' in transport).map(({ scheme }) => scheme)
}
