import { referenceText, TransloadError } from '@transload/contract'

import { boolFlag, type GroupValues } from '../arguments/flag.ts'
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
import { printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'
import { withRetries } from '../retry.ts'
import { openSide } from '../side.ts'

const flags = {
  delete: {
    tagOnly: boolFlag('tag-only', 'Delete the tag and nothing else: the image and its other tags stay'),
  },
  access: { ...imageAccessFlags(''), ...authFileFlags, ...localPlaceFlags('') },
  retry: retryFlags,
}

export const deleteImage = defineCommand({
  name: 'delete',
  description: `Delete an "IMAGE_NAME" from a transport

In a registry the manifest goes, and with it every tag of it, unless --tag-only is given.`,
  operands: 'IMAGE-NAME',
  examples: [
    'delete docker://registry.example.com/example/pause:latest',
    'delete --tag-only docker://registry.example.com/example/pause:old',
  ],
  flags,
  positionals: { least: 1, problem: 'Usage: delete imageReference', completes: 'image' },
  run: runDelete,
})

async function runDelete(
  { delete: { tagOnly }, access, retry }: GroupValues<typeof flags>,
  [name = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  await using side = await openSide(resolveImageAccess(access, context.globals), context, { retry })
  const { transport, reference } = await side.locate(name).catch((error: unknown) => {
    throw prefixError(`Invalid source name ${name}`, error)
  })
  await withRetries(
    async () => {
      if (tagOnly) {
        if (transport.removeTag) return await transport.removeTag(reference, openOptions(context))
        throw new TransloadError(
          'UNSUPPORTED',
          `Deleting only a tag is not implemented for ${transport.scheme}: images`,
        )
      }
      if (transport.removeImage) return await transport.removeImage(reference, openOptions(context))
      // skopeo names the transport an oci-archive is made of.
      const scheme = transport.scheme === 'oci-archive' ? 'oci' : transport.scheme
      throw new TransloadError('UNSUPPORTED', `Deleting images not implemented for ${scheme}: images`)
    },
    retry,
    context,
  )
  if (context.globals.json) await printJson(context.stdout, { deleted: referenceText(reference) })
}
