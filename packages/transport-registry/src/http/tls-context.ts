import type { SecureContext } from 'node:tls'

import type { TlsSettings } from './http-client.ts'

/**
 * Made once for all connections: loading the roots for each would cost more than the handshake. Undefined: Node's
 * default is right. Throws Node's error for a certificate or key that cannot be read.
 */
export async function createContext({ ca: own, roots, cert, key }: TlsSettings): Promise<SecureContext | undefined> {
  const ca = [...own, ...((await roots?.()) ?? [])]
  if (ca.length === 0 && cert === undefined) return undefined
  const { createSecureContext, getCACertificates } = await import('node:tls')
  return createSecureContext({
    ...(ca.length > 0 ? { ca: [...getCACertificates('default'), ...ca] } : {}),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  })
}
