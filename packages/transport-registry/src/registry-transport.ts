import { TransloadError, type Transport } from '@transload/contract'

import { checkOptions, type RegistryTransportOptions } from './options.ts'
import { parseRegistryReference, type RegistryReference } from './reference.ts'
import { createRegistryAccess } from './registry-access.ts'
import { removeRegistryImage } from './remove-image.ts'
import { removeRegistryTag } from './remove-tag.ts'
import { removeLookasideSignatures } from './signatures/signature-store.ts'
import { readTags } from './tags.ts'

/**
 * `docker://`: images in a registry. All images of one transport share connections, tokens and what is known about
 * each registry; `close` ends them. Throws CONFIG_INVALID for options that make no sense.
 */
export function registryTransport(
  options: RegistryTransportOptions = {},
): Transport<RegistryReference> & Required<Pick<Transport, 'close'>> {
  checkOptions(options)
  const access = createRegistryAccess(options)
  return {
    scheme: 'docker',
    parse: (text) => parseRegistryReference(text),
    openSource: (reference, open) => access.openSource(reference, open),
    prepareDestination: (reference, open) => access.prepareDestination(reference, open),
    openDestination: (reference, open) => access.openDestination(reference, open),

    async removeImage(reference, open) {
      const removed = await removeRegistryImage(await access.managingClient(reference), reference, open)
      try {
        await removeLookasideSignatures(reference, await access.signatureStorage(reference), removed)
      } catch (error) {
        throw signaturesRemain(error)
      }
    },

    async removeTag(reference, open) {
      await removeRegistryTag(await access.managingClient(reference), reference, open)
    },

    async *listTags(reference, open) {
      yield* readTags(await access.managingClient(reference), reference, open)
    },

    async close() {
      await access[Symbol.asyncDispose]()
    },
  }
}

function signaturesRemain(error: unknown): unknown {
  if (!TransloadError.is(error)) return error
  const hint = 'The image is deleted, but its signatures are not.'
  return new TransloadError(error.code, error.message, { cause: error, hint })
}
