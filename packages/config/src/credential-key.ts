import { canonicalText, parseDockerReference, TransloadError } from '@transload/contract'

/** What credentials are stored under. */
export interface CredentialKey {
  /** `host[:port]` or `host[:port]/path`. */
  readonly key: string
  /** `host[:port]`. */
  readonly host: string
  /** The part of the key after the host, if there is one. */
  readonly repository: string | undefined
}

/**
 * The argument of `login` and `logout` → the key: a registry, a namespace or repository in it, or a URL, of which only
 * the host counts. Throws REFERENCE_INVALID.
 */
export function parseCredentialKey(text: string): CredentialKey {
  const bare = text.replace(/^https?:\/\//, '')
  const [host = ''] = bare.split('/', 1)
  if (host === '') throw new TransloadError('REFERENCE_INVALID', `${JSON.stringify(text)} does not name a registry`)
  if (bare !== text || host === bare) {
    if (!/^[\w.:[\]-]+$/.test(host)) {
      throw new TransloadError('REFERENCE_INVALID', `${JSON.stringify(text)} does not name a registry`)
    }
    return { key: host, host, repository: undefined }
  }
  const reference = parseKeyReference(bare)
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw new TransloadError('REFERENCE_INVALID', `reference "${canonicalText(reference)}" contains tag or digest`)
  }
  if (reference.domain !== host) {
    throw new TransloadError('REFERENCE_INVALID', `${JSON.stringify(text)} does not name a registry`, {
      hint: `For Docker Hub write docker.io/${text}.`,
    })
  }
  // Not of the reference: `docker.io/vendor` is a namespace here, not the repository `library/vendor`.
  return { key: bare, host, repository: bare.slice(host.length + 1) }
}

function parseKeyReference(text: string): ReturnType<typeof parseDockerReference> {
  try {
    return parseDockerReference(text)
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw new TransloadError('REFERENCE_INVALID', `parse reference from ${JSON.stringify(text)}: ${cause.message}`, {
      cause,
    })
  }
}
