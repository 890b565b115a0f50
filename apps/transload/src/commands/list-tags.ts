import { parseDockerReference, repositoryName, TransloadError, type Transport } from '@transload/contract'

import type { GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { openOptions } from '../open-options.ts'
import { authFileFlags, imageAccessFlags, resolveImageAccess } from '../options/image-access-options.ts'
import { retryFlags } from '../options/retry-options.ts'
import { printJson } from '../output.ts'
import { withRetries } from '../retry.ts'
import { openSide, type Side } from '../side.ts'
import { prefixError } from '../system-error.ts'

const flags = { access: { ...imageAccessFlags(''), ...authFileFlags }, retry: retryFlags }

export const listTags = defineCommand({
  name: 'list-tags',
  description: `Return the list of tags from the transport/repository "SOURCE-IMAGE"

SOURCE-IMAGE is docker://REPOSITORY without a tag, or docker-archive:FILE.`,
  operands: 'SOURCE-IMAGE',
  examples: ['list-tags docker://docker.io/fedora', 'list-tags docker-archive:images.tar'],
  flags,
  positionals: { least: 1, problem: 'Exactly one non-option argument expected', showsHelp: true },
  run: runListTags,
})

async function runListTags(
  { access, retry }: GroupValues<typeof flags>,
  [name = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  await using side = await openSide(resolveImageAccess(access, context.globals), context, { retry })
  const scheme = readScheme(name, side)
  if (scheme === 'docker') {
    const repository = parseRepository(name)
    const { transport, reference } = await side.locate(name)
    const read = (): Promise<readonly string[]> => collectTags(transport, reference, context)
    try {
      await printJson(context.stdout, { Repository: repository, Tags: await withRetries(read, retry, context) })
    } catch (error) {
      throw prefixError('Error listing repository tags', error)
    }
    return
  }
  if (!(await side.plugins.transports.get(scheme)).listTags) {
    throw new TransloadError(
      'UNSUPPORTED',
      `Unsupported transport '${scheme}' for tag listing. Only supported: ${(await listingSchemes(side)).join(', ')}`,
    )
  }
  const { transport, reference } = await side.locate(name)
  await printJson(context.stdout, { Tags: await collectTags(transport, reference, context) })
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
