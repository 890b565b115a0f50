import type { RawManifest, TrustPolicy, VerifiedClaim } from '@transload/contract'
import { TrustError, type ReadableImage } from '@transload/core'

export interface VerifiedImage {
  /** What has been proved: the root, or, for an index nobody has signed, the image of it for the platform. */
  readonly manifest: RawManifest
  readonly proofs: readonly VerifiedClaim[]
}

/** Reads manifests and signatures only. Throws TrustError. */
export async function verifyImage(image: ReadableImage, policy: TrustPolicy): Promise<VerifiedImage> {
  const root = await image.readRoot()
  try {
    return { manifest: root, proofs: await image.checkTrust(policy, root) }
  } catch (error) {
    if (!(error instanceof TrustError) || !error.isUnsigned) throw error
    const instance = await image.readInstance()
    if (instance.digest === root.digest) throw error
    return { manifest: instance, proofs: await image.checkTrust(policy, instance) }
  }
}
