import { parsePayload, type Payload } from '../payload.ts'
import { readSignedMessage } from './signed-message.ts'

/** What a simple signature says. Anybody can have written it. */
export interface UntrustedSignature {
  readonly untrustedPayload: Payload
  /** Of the signing key: the last 16 digits of its fingerprint, in upper case. */
  readonly untrustedKeyId: string
}

/**
 * Verifies NOTHING: to find out why a signature is refused, or whose it may be, never to decide by. Throws
 * SIGNATURE_INVALID for what is no simple signature.
 */
export async function readUntrustedSignature(signature: Uint8Array): Promise<UntrustedSignature> {
  const { content, keyId } = await readSignedMessage(signature)
  return { untrustedPayload: parsePayload(content, 'atomic container signature'), untrustedKeyId: keyId }
}
