/**
 * What the peer had against the handshake, in Go's words, out of Node's code for it
 * (`ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION`); undefined when it is no alert.
 */
export function tlsAlert(code: string): string | undefined {
  const name = /^ERR_SSL_.*_ALERT_(?<name>\w+)$/.exec(code)?.groups?.['name']
  if (name === undefined) return undefined
  return `remote error: tls: ${alerts[name] ?? name.toLowerCase().replaceAll('_', ' ')}`
}

/** Where Go's words are not OpenSSL's. */
const alerts: Readonly<Record<string, string>> = {
  BAD_RECORD_MAC: 'bad record MAC',
  CERTIFICATE_EXPIRED: 'expired certificate',
  CERTIFICATE_REVOKED: 'revoked certificate',
  CERTIFICATE_UNKNOWN: 'unknown certificate',
  DECODE_ERROR: 'error decoding message',
  DECRYPT_ERROR: 'error decrypting message',
  INSUFFICIENT_SECURITY: 'insufficient security level',
  PROTOCOL_VERSION: 'protocol version not supported',
  UNKNOWN_CA: 'unknown certificate authority',
}
