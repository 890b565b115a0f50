import {
  collect,
  maxManifestBytes,
  parseManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type ImageSource,
  type OperationOptions,
  type SignatureBundle,
} from '@transload/contract'

import { readManifest } from '../read-manifest.ts'
import { createVerification } from '../verification.ts'

const bundleType = /^application\/vnd\.dev\.sigstore\.bundle[.+]/
/** What says of a bundle's manifest which kind of statement is signed; cosign writes it. */
const statementAnnotation = 'dev.sigstore.bundle.predicateType'
const signatureStatement = 'https://sigstore.dev/cosign/sign/v1'
const mostBundles = 128

/**
 * The sigstore bundles that refer to a manifest and say that it is signed; attestations, which are bundles too, say
 * something about it. None where the source keeps no referrers. Throws SIZE_LIMIT for more than anybody needs.
 */
export async function readBundles(
  source: ImageSource,
  subject: Digest,
  options: OperationOptions,
): Promise<readonly SignatureBundle[]> {
  const bundles: SignatureBundle[] = []
  for await (const referrer of source.readReferrers?.(subject, options) ?? []) {
    if (!bundleType.test(referrer.artifactType ?? '')) continue
    const statement = referrer.annotations?.[statementAnnotation]
    if (statement !== undefined && statement !== signatureStatement) continue
    if (bundles.length >= mostBundles) {
      throw new TransloadError('SIZE_LIMIT', `more than ${mostBundles} sigstore bundles refer to ${subject}`)
    }
    bundles.push(...(await readBundle(source, referrer, options)))
  }
  return bundles
}

/** None if what was listed is no bundle, or not there: a tag that lists referrers may name what has been deleted. */
async function readBundle(
  source: ImageSource,
  { digest }: Descriptor,
  options: OperationOptions,
): Promise<readonly SignatureBundle[]> {
  let manifest
  try {
    manifest = parseManifest(await readManifest(source, digest, options))
  } catch (error) {
    if (TransloadError.is(error, 'MANIFEST_UNKNOWN') || TransloadError.is(error, 'MANIFEST_INVALID')) return []
    throw error
  }
  if (manifest.kind !== 'image') return []
  const [layer, second] = manifest.layers
  if (!layer || second || !bundleType.test(layer.mediaType)) return []
  const body = createVerification(layer).stage(source.readBlob(layer, options))
  const bytes = await collect(body, maxManifestBytes, `sigstore bundle ${layer.digest}`)
  return [{ kind: 'bundle', mediaType: layer.mediaType, bytes }]
}
