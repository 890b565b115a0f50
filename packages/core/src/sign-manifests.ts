import type { Digest, Signature, SignatureBundle } from '@transload/contract'

import type { PendingManifest } from './pending-manifests.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

export interface SignedManifest extends PendingManifest {
  /** Made now, to be written as referrers. */
  readonly bundles: readonly SignatureBundle[]
}

/**
 * Signs each manifest with all signers, one after the other: some ask somebody. `signatures` then holds those carried
 * over and those made. The same manifest named twice is signed once. Throws TransferError (`creating signature: …`).
 */
export async function signManifests(
  session: CopySession,
  identity: string | undefined,
  manifests: readonly PendingManifest[],
): Promise<readonly SignedManifest[]> {
  const signed = new Map<Digest, SignedManifest>()
  for (const one of manifests) {
    const { digest } = one.manifest
    if (signed.has(digest)) continue
    const made = identity === undefined ? [] : await sign(session, { manifest: digest, identity }, one)
    const stored = made.filter((signature) => signature.kind !== 'bundle')
    const bundles = made.filter((signature) => signature.kind === 'bundle')
    signed.set(digest, { ...one, signatures: [...one.signatures, ...stored], bundles })
  }
  return [...signed.values()]
}

async function sign(
  { options: { signers, signal, progress } }: CopySession,
  claim: { readonly manifest: Digest; readonly identity: string },
  { root, list }: PendingManifest,
): Promise<readonly Signature[]> {
  const made: Signature[] = []
  for (const [turn, signer] of signers.entries()) {
    const { method } = signer
    signal?.throwIfAborted()
    progress({ type: 'signing', digest: claim.manifest, root, list, method, index: turn, count: signers.length })
    try {
      made.push(await signer.sign(claim, { signal }))
    } catch (error) {
      signal?.throwIfAborted()
      const what = signers.length === 1 ? 'creating signature' : `creating signature ${turn + 1}`
      throw new TransferError('destination', 'commit', what, error)
    }
  }
  return made
}
