import { TransloadError, type Log, type OperationOptions } from '@transload/contract'

import { checkOptions, type Credentials, type RegistryTransportOptions } from './options.ts'
import { RegistryClient } from './registry-client.ts'
import { registryError } from './registry-error.ts'

export type CheckCredentialsOptions = OperationOptions &
  Omit<RegistryTransportOptions, 'credentials' | 'registryToken'> & { readonly log?: Log | undefined }

/**
 * Are these credentials good for the registry (`host[:port]`)? Asks it, as `login` does, for no repository in particular.
 * Throws UNAUTHENTICATED if they are not, other codes if there is no telling.
 */
export async function checkCredentials(
  host: string,
  credentials: Credentials,
  { signal, log = () => undefined, ...options }: CheckCredentialsOptions = {},
): Promise<void> {
  const transportOptions = { ...options, credentials: () => Promise.resolve(credentials) }
  checkOptions(transportOptions)
  await using client = new RegistryClient(host, transportOptions)
  try {
    const response = await client.request({ method: 'GET', target: '/v2/', log, signal })
    if (response.status !== 200) throw await registryError(response, 'GET /v2/', 'other')
    await response.discard()
  } catch (error) {
    if (!TransloadError.is(error)) throw error
    if (error.code === 'UNAUTHENTICATED') {
      throw new TransloadError('UNAUTHENTICATED', `logging into ${JSON.stringify(host)}: invalid username/password`, {
        cause: error,
      })
    }
    const { code, hint, message, retryable } = error
    throw new TransloadError(code, `authenticating creds for ${JSON.stringify(host)}: ${message}`, {
      cause: error,
      hint,
      retryable,
    })
  }
}
