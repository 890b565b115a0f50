import { parseDockerReference, type Transport } from '@transload/contract'

import { ImageStreams } from './openshift/image-streams.ts'
import type { AtomicTransportOptions } from './openshift/options.ts'
import { parseImageStreamReference, registryName, type ImageStreamReference } from './openshift/reference.ts'
import { createStreamSignatureReader, createStreamSignatureWriter } from './openshift/stream-signatures.ts'
import { checkOptions } from './options.ts'
import { registryReference } from './reference.ts'
import { createRegistryAccess } from './registry-access.ts'

export type { AtomicTransportOptions, ImageStreamServer } from './openshift/options.ts'

/**
 * `atomic:`: tags of OpenShift's image streams. Its API says what a tag names, and keeps the signatures; the rest is in
 * its registry.
 */
export default function atomicTransport({
  imageStreams,
  ...options
}: AtomicTransportOptions): Transport<ImageStreamReference> & Required<Pick<Transport, 'close'>> {
  checkOptions(options)
  const access = createRegistryAccess(options)
  let opened: Promise<ImageStreams> | undefined
  const readStreams = (): Promise<ImageStreams> =>
    (opened ??= imageStreams().then((server) => new ImageStreams(server, options)))
  return {
    scheme: 'atomic',
    parse: (text) => parseImageStreamReference(text),

    async openSource(reference, open) {
      const streams = await readStreams()
      const image = await streams.resolve(reference, open)
      const target = registryReference(parseDockerReference(`${reference.host}/${image}`))
      const signatures = createStreamSignatureReader(readStreams, reference)
      return await access.openSource(target, open, { reference, signatures })
    },

    async openDestination(reference, open) {
      const signatures = createStreamSignatureWriter(readStreams, reference)
      return await access.openDestination(registryReference(registryName(reference)), open, { reference, signatures })
    },

    async close() {
      await access[Symbol.asyncDispose]()
      const streams = await opened?.catch(() => undefined)
      opened = undefined
      await streams?.[Symbol.asyncDispose]()
    },
  }
}
