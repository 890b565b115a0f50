import { encodeJson, mediaTypes, rawManifest, type Digest, type RawManifest } from '@transload/contract'

import { signSchema1 } from './signature.ts'

/** What a schema 1 manifest is made of; layers base first. */
export interface NewSchema1 {
  readonly name: string
  readonly tag: string
  readonly architecture: string
  readonly layers: readonly { readonly digest: Digest; readonly v1Compatibility: string }[]
}

/** A new manifest, always signed: registries take no other. Its digest does not depend on the signature (formats.md §5.5). */
export function encodeSchema1({ name, tag, architecture, layers }: NewSchema1): RawManifest {
  const newestFirst = layers.toReversed()
  const payload = encodeJson({
    name,
    tag,
    architecture,
    fsLayers: newestFirst.map(({ digest }) => ({ blobSum: digest })),
    history: newestFirst.map(({ v1Compatibility }) => ({ v1Compatibility })),
    schemaVersion: 1,
  })
  return rawManifest(signSchema1(Buffer.from(payload)), mediaTypes.dockerSchema1Signed)
}
