import type { Digest } from '@transload/contract'
import { openImage, type Referrer } from '@transload/core'

import { stringFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { openOptions } from '../open-options.ts'
import {
  authFileFlags,
  imageAccessFlags,
  resolveImageAccess,
  localPlaceFlags,
} from '../options/image-access-options.ts'
import { retryFlags } from '../options/retry-options.ts'
import { print, printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'
import { withRetries } from '../retry.ts'
import { openSide } from '../side.ts'

const flags = {
  referrers: {
    artifactType: stringFlag('artifact-type', 'List only artifacts of the type TYPE', { placeholder: 'TYPE' }),
  },
  access: { ...imageAccessFlags(''), ...authFileFlags, ...localPlaceFlags('') },
  retry: retryFlags,
}

export const referrers = defineCommand({
  name: 'referrers',
  description: `List what refers to "IMAGE-NAME": signatures, SBOMs and other artifacts

One line each: its digest, the type of the artifact, and the tag if it is that which refers to the image, as cosign's
"sha256-….sig" does. Of a list its own are listed, not those of its images.`,
  operands: 'IMAGE-NAME',
  examples: [
    'referrers docker://registry.example.com/app:v1',
    'referrers --artifact-type application/spdx+json oci:images:app',
  ],
  flags,
  positionals: { least: 1, problem: 'Exactly one argument expected', showsHelp: true },
  run: runReferrers,
})

async function runReferrers(
  { referrers: { artifactType }, access, retry }: GroupValues<typeof flags>,
  [name = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { globals, stdout } = context
  await using side = await openSide(resolveImageAccess(access, globals), context)
  const located = await side.locate(name).catch((error: unknown) => {
    throw prefixError(`Invalid source name ${name}`, error)
  })
  const read = async (): Promise<{ subject: Digest; found: readonly Referrer[] }> => {
    await using image = await openImage(located, openOptions(context))
    const { digest } = await image.readRoot()
    return { subject: digest, found: await Array.fromAsync(image.readReferrers({ artifactType })) }
  }
  const { subject, found } = await withRetries(read, retry, context)
  if (globals.json) await printJson(stdout, { subject, referrers: found })
  else await print(stdout, found.map(referrerLine).join(''))
}

function referrerLine({ digest, artifactType, mediaType, tag }: Referrer): string {
  return `${[digest, artifactType ?? mediaType, ...(tag === undefined ? [] : [tag])].join(' ')}\n`
}
