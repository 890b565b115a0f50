import { isDigest, type Digest } from '@transload/contract'

import { refusal } from '../refusal.ts'

/** Throws a DIGEST_INVALID refusal. */
export function requireDigest(text: string | null): Digest {
  if (text === null || !isDigest(text)) {
    throw refusal('DIGEST_INVALID', `invalid digest ${JSON.stringify(text?.slice(0, 200) ?? '')}`)
  }
  return text
}
