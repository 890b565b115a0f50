import { canonicalText, TransloadError, type OpenOptions } from '@transload/contract'

import type { EndpointUse, RegistryEndpoint, RegistryTransportOptions } from './options.ts'
import { dockerReference, type RegistryReference } from './reference.ts'

/** What the option says, or the name as it is. Throws CONFIG_INVALID if that is nothing. */
export async function endpointsOf(
  reference: RegistryReference,
  use: EndpointUse,
  { endpoints }: RegistryTransportOptions,
): Promise<readonly RegistryEndpoint[]> {
  const name = dockerReference(reference)
  if (!endpoints) return [{ reference: name }]
  const found = await endpoints(name, use)
  if (found.length > 0) return found
  throw new TransloadError('CONFIG_INVALID', `${canonicalText(name)}: there is no endpoint for it`)
}

/**
 * The first endpoint that opens. Any failure makes way for the next one; if all fail, the error is that of the last, the
 * place itself, and tells of the mirrors before it (registry-client.md §7.2).
 */
export async function openFirst<T>(
  endpoints: readonly RegistryEndpoint[],
  { log, signal }: OpenOptions,
  open: (endpoint: RegistryEndpoint) => Promise<T>,
): Promise<T> {
  const mirrorFailures: string[] = []
  for (const [index, endpoint] of endpoints.entries()) {
    const name = canonicalText(endpoint.reference)
    try {
      log('debug', `Trying to access ${JSON.stringify(name)}`)
      return await open(endpoint)
    } catch (error) {
      signal?.throwIfAborted()
      if (!TransloadError.is(error)) throw error
      const isLast = index === endpoints.length - 1
      if (isLast && index === 0) throw error
      if (isLast) {
        const { code, hint, message, retryable } = error
        const text = `(Mirrors also failed: ${mirrorFailures.join('\n')}): ${name}: ${message}`
        throw new TransloadError(code, text, { cause: error, hint, retryable })
      }
      log('debug', `Accessing ${JSON.stringify(name)} failed: ${error.message}`)
      mirrorFailures.push(`[${name}: ${error.message}]`)
    }
  }
  throw new TransloadError('CONFIG_INVALID', 'there is no endpoint to read from')
}
