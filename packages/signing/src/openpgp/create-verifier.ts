import type { KeySource, SignedByRequirement, Verifier } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { readKeySource } from '../key-source.ts'
import { readKeyring, type Keyring } from './keyring.ts'
import { verifySimpleSignature } from './verify-signature.ts'

/**
 * A verifier of simple signatures (OpenPGP) for what a policy asks (trust.md §2): any of the keys will do, and
 * `signer` is the fingerprint of the primary key. Needs no gpg. The keys are read once, for the first signature:
 * throws CONFIG_INVALID where that does not go.
 */
export async function createOpenPgpVerifier({ keyType, keys }: SignedByRequirement): Promise<Verifier> {
  let keyring: Promise<Keyring> | undefined
  return {
    async verify(signature, { signal } = {}) {
      signal?.throwIfAborted()
      if (signature.kind !== 'simple') throw invalidSignature('not a simple signature')
      if (keyType !== 'GPGKeys') throw invalidSignature(`Unimplemented "keyType" value ${JSON.stringify(keyType)}`)
      const trusted = await (keyring ??= readKeys(keys))
      if (trusted.length === 0) throw invalidSignature('No public keys imported')
      const { payload, primaryKey } = await verifySimpleSignature(signature.bytes, trusted)
      return { manifest: payload.manifest, identity: payload.identity, signer: primaryKey }
    },
  }
}

async function readKeys(sources: readonly KeySource[]): Promise<Keyring> {
  const files: Uint8Array[] = []
  for (const source of sources) files.push(await readKeySource(source))
  return await readKeyring(files)
}
