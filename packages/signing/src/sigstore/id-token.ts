import { parseJsonObject, TransloadError } from '@transload/contract'

/** Proof to Fulcio of who somebody is; good for anyone who has it. */
export interface IdToken {
  /** As it was issued. */
  readonly raw: string
  /** The e-mail address, or else whom the issuer calls so. */
  readonly subject: string
  /** Absent where the token does not say. */
  readonly expires: Date | undefined
}

/**
 * What an OIDC ID token says. Whether it is true is Fulcio's to check. Throws CONFIG_INVALID; nothing of the token is in
 * the message.
 */
export function parseIdToken(raw: string): IdToken {
  const parts = raw.trim().split('.')
  if (parts.length !== 3) throw invalid('compact JWS format must have three parts')
  if (!parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))) throw invalid('illegal base64url data')
  const claims = parseJsonObject(
    Buffer.from(parts[1]!, 'base64url'),
    'parsing OIDC token: its payload',
    'CONFIG_INVALID',
  )
  const { exp } = claims
  return {
    raw: raw.trim(),
    subject: subjectOf(claims),
    expires: typeof exp === 'number' && Number.isFinite(exp) ? new Date(exp * 1000) : undefined,
  }
}

function subjectOf({ email, email_verified: verified, sub }: Readonly<Record<string, unknown>>): string {
  if (typeof email === 'string' && email !== '') {
    if (verified !== true && verified !== 'true') throw invalid('email not verified by identity provider')
    return email
  }
  if (typeof sub === 'string' && sub !== '') return sub
  throw invalid('no subject found in claims')
}

function invalid(problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `parsing OIDC token: ${problem}`)
}
