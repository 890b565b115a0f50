import {
  collect,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
  referrerDescriptor,
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
  let seen = 0
  for await (const referrer of source.readReferrers?.(subject, options) ?? []) {
    if (!mayBeSignature(referrer)) continue
    seen += 1
    if (seen > mostBundles) {
      throw new TransloadError('SIZE_LIMIT', `more than ${mostBundles} sigstore bundles refer to ${subject}`)
    }
    const layer = await readBundleLayer(source, referrer, options)
    if (!layer) continue
    const body = createVerification(layer).stage(source.readBlob(layer, options))
    const bytes = await collect(body, maxManifestBytes, `sigstore bundle ${layer.digest}`)
    bundles.push({ kind: 'bundle', mediaType: layer.mediaType, bytes })
  }
  return bundles
}

/** Going by a list. In those it keeps under tags cosign puts the type of the config, and no annotations. */
function mayBeSignature(referrer: Descriptor): boolean {
  return referrer.artifactType === mediaTypes.ociEmpty || isSignature(referrer)
}

function isSignature({ artifactType = '', annotations }: Descriptor): boolean {
  const statement = annotations?.[statementAnnotation]
  return bundleType.test(artifactType) && (statement === undefined || statement === signatureStatement)
}

/** Undefined if what was listed is no bundle, or not there: a tag that lists referrers may name what has been deleted. */
async function readBundleLayer(
  source: ImageSource,
  { digest }: Descriptor,
  options: OperationOptions,
): Promise<Descriptor | undefined> {
  try {
    const raw = await readManifest(source, digest, options)
    if (!isSignature(referrerDescriptor(raw))) return undefined
    const manifest = parseManifest(raw)
    const [layer, second] = manifest.kind === 'image' ? manifest.layers : []
    return layer && !second && bundleType.test(layer.mediaType) ? layer : undefined
  } catch (error) {
    if (TransloadError.is(error, 'MANIFEST_UNKNOWN') || TransloadError.is(error, 'MANIFEST_INVALID')) return undefined
    throw error
  }
}
