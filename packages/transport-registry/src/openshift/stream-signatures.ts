import { TransloadError, type Digest, type SignatureReader } from '@transload/contract'

import type { LateSignatureWriter } from '../registry-access.ts'
import { newSignatures, type SimpleSignature } from '../signatures/new-signatures.ts'
import type { ImageStreams } from './image-streams.ts'
import type { ImageStreamReference } from './reference.ts'

/** Simple signatures of images, as OpenShift keeps them. */
export function createStreamSignatureReader(
  readStreams: () => Promise<ImageStreams>,
  reference: ImageStreamReference,
): SignatureReader {
  return {
    async list(manifest, options) {
      const signatures = await (await readStreams()).readSignatures(reference, manifest, options)
      return signatures.flatMap(({ type, content }) => (type === 'atomic' ? { kind: 'simple', bytes: content } : []))
    },
  }
}

/** Adds what is new to what others signed; nothing is removed. */
export function createStreamSignatureWriter(
  readStreams: () => Promise<ImageStreams>,
  reference: ImageStreamReference,
): Required<LateSignatureWriter> {
  const unfinished: [Digest, readonly SimpleSignature[]][] = []
  return {
    async check(kinds) {
      if (kinds.has('sigstore')) throw unsupported()
    },
    async replace(manifest, signatures) {
      const simple = signatures.filter((signature) => signature.kind === 'simple')
      if (simple.length < signatures.length) throw unsupported()
      if (simple.length > 0) unfinished.push([manifest, simple])
    },
    async finish(options = {}) {
      for (const [manifest, signatures] of unfinished.splice(0)) {
        const streams = await readStreams()
        const present = await streams.readSignatures(reference, manifest, options)
        const kept = present.flatMap(({ type, content }) => (type === 'atomic' ? content : []))
        for (const { name, bytes } of newSignatures(manifest, signatures, kept)) {
          await streams.addSignature({ name, type: 'atomic', content: bytes }, options)
        }
      }
    },
  }
}

function unsupported(): TransloadError {
  return new TransloadError('UNSUPPORTED', 'unsupported signature format sigstore-json', {
    hint: 'OpenShift keeps simple signatures only.',
  })
}
