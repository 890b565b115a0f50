import { expect, test } from 'vitest'

import { tlsAlert } from './tls-alert.ts'

test.each([
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'remote error: tls: protocol version not supported'],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'remote error: tls: handshake failure'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'remote error: tls: handshake failure'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'remote error: tls: certificate required'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', undefined],
])('%s', (code, text) => {
  expect(tlsAlert(code)).toBe(text)
})
