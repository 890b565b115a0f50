import type { SecureContext } from 'node:tls'

import type { TlsSettings } from './http-client.ts'

/**
 * Made once for all connections: loading the roots for each would cost more than the handshake. Undefined: Node's
 * default is right. Throws Node's error for a certificate or key that cannot be read.
 */
export async function createContext({
  ca: own,
  roots,
  cert,
  key,
  details = {},
}: TlsSettings): Promise<SecureContext | undefined> {
  const { certificates = [], replacesSystem = false } = (await roots?.()) ?? {}
  const ca = [...own, ...certificates]
  const { minVersion, ciphers, groups } = details
  const isDefault = ca.length === 0 && !replacesSystem && cert === undefined && Object.keys(details).length === 0
  if (isDefault) return undefined
  const { createSecureContext, getCACertificates } = await import('node:tls')
  return createSecureContext({
    ...(replacesSystem ? { ca } : ca.length > 0 ? { ca: [...getCACertificates('default'), ...ca] } : {}),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(groups === undefined ? {} : { ecdhCurve: groups }),
  })
}
