import { createSecureContext } from 'node:tls'

import { expect, test } from 'vitest'

import { parseTlsDetails, readTlsDetails } from './tls-details.ts'

test.each<[string, object]>([
  ['{}', {}],
  ['minVersion: ""\ncipherSuites:\nnamedGroups: []', {}],
  ['minVersion: 1.3', { minVersion: 'TLSv1.3' }],
  ['minVersion: "1.0"', { minVersion: 'TLSv1' }],
  [
    'cipherSuites:\n- TLS_AES_128_GCM_SHA256\n- TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n',
    { ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256' },
  ],
  ['namedGroups: [x25519, secp256r1, X25519MLKEM768]', { groups: 'X25519:secp256r1:X25519MLKEM768' }],
])('%j', async (text, details) => {
  expect(await parseTlsDetails(text, 'd.yaml')).toEqual(details)
})

test('no suite at all is not Node’s own list', async () => {
  const { ciphers } = await parseTlsDetails('cipherSuites: []', 'd.yaml')
  expect(() => createSecureContext({ ciphers: ciphers! })).toThrow('no cipher match')
})

test.each([
  ['', 'not a mapping'],
  ['[]', 'not a mapping'],
  ['minversion: "1.3"', 'field "minversion" not found'],
  ['minVersion: "1.4"', 'unrecognized TLS minimum version "1.4"'],
  ['minVersion: [toString]', 'unrecognized TLS minimum version ["toString"]'],
  ['cipherSuites: [ECDHE-RSA-AES128-SHA]', 'unrecognized TLS cipher suite "ECDHE-RSA-AES128-SHA"'],
  ['namedGroups: [X25519]', 'unrecognized TLS named group "X25519"'],
  ['namedGroups: x25519', 'unrecognized TLS named group "x25519"'],
  ['minVersion: "1.2"\nminVersion: "1.3"', 'Map keys must be unique'],
  ['minVersion: [', 'parsing TLS details "d.yaml"'],
])('%j is refused', async (text, problem) => {
  await expect(parseTlsDetails(text, 'd.yaml')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(problem) as string,
  })
})

test('a file that is not there', async () => {
  await expect(readTlsDetails('/nowhere/d.yaml')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'reading "/nowhere/d.yaml": no such file or directory',
  })
})
