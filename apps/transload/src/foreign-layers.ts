import type { ForeignLayers, RegistryTransportOptions } from '@transload/transport-registry'

import type { CommandContext } from './context.ts'
import type { ImageAccess } from './options/image-access-options.ts'

/**
 * For the layouts of one side. What speaks HTTP loads with the first layer that is elsewhere. Of the certificates only
 * those of `--cert-dir` are shown: a layer's URL is no registry.
 */
export function openForeignLayers(
  registry: RegistryTransportOptions,
  { certificateDirectory }: ImageAccess,
  { log }: CommandContext,
): ForeignLayers {
  let loading: Promise<ForeignLayers> | undefined
  const load = async (): Promise<ForeignLayers> => {
    const { createForeignLayers } = await import('@transload/transport-registry')
    const certificates = certificateDirectory === undefined ? undefined : registry.certificates
    return createForeignLayers({ ...registry, certificates, log })
  }
  return {
    async *read(layer, options) {
      loading ??= load()
      yield* (await loading).read(layer, options)
    },
    async [Symbol.asyncDispose]() {
      await (await loading)?.[Symbol.asyncDispose]()
    },
  }
}
