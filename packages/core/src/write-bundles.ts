import {
  encodeJson,
  mediaTypes,
  rawManifest,
  type Descriptor,
  type RawManifest,
  type SignatureBundle,
} from '@transload/contract'

import type { CopySession } from './session.ts'
import type { SignedManifest } from './sign-manifests.ts'
import { storeBytes } from './store-bytes.ts'

/** Stores the blobs of each bundle and returns its manifest, a referrer of the signed one. Throws TransferError. */
export async function storeBundles(
  session: CopySession,
  { manifest, bundles }: SignedManifest,
): Promise<readonly RawManifest[]> {
  const referrers: RawManifest[] = []
  for (const bundle of bundles) {
    const config = await store(session, 'config', mediaTypes.ociEmpty, Buffer.from('{}'))
    const layer = await store(session, 'layer', bundle.mediaType, bundle.bytes)
    referrers.push(bundleManifest(bundle, manifest, config, layer))
  }
  return referrers
}

/** As cosign 3 writes it. */
function bundleManifest(
  { mediaType, annotations }: SignatureBundle,
  subject: RawManifest,
  config: Descriptor,
  layer: Descriptor,
): RawManifest {
  const json = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: [layer],
    annotations,
    subject: { mediaType: subject.mediaType, size: subject.bytes.length, digest: subject.digest },
    artifactType: mediaType,
  }
  return rawManifest(Buffer.from(encodeJson(json)), mediaTypes.ociManifest)
}

async function store(
  session: CopySession,
  role: 'config' | 'layer',
  mediaType: string,
  bytes: Uint8Array,
): Promise<Descriptor> {
  const { digest } = await storeBytes(session, { role, mediaType, bytes }, session.options)
  return { mediaType, size: bytes.length, digest }
}
