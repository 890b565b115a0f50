import type { StoredSignature } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { encodeSignatureFile, parseSignatureFile } from './signature-file.ts'

const sigstore: StoredSignature = {
  kind: 'sigstore',
  mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
  payload: Buffer.from('{"critical":{}}'),
  annotations: { b: '<2>', a: '1' },
}
const sigstoreFile =
  '\0sigstore-json\n{"mimeType":"application/vnd.dev.cosign.simplesigning.v1+json",' +
  '"payload":"eyJjcml0aWNhbCI6e319","annotations":{"a":"1","b":"\\u003c2\\u003e"}}'

describe('encodeSignatureFile', () => {
  it.each([
    ['an OpenPGP message as it is', simple('\xa3binary'), '\xa3binary'],
    ['a packet tag skopeo refuses by name', simple('\x93binary'), '\0simple-signing\n\x93binary'],
    ['anything else by name', simple('text'), '\0simple-signing\ntext'],
    ['a sigstore signature byte for byte as skopeo', sigstore, sigstoreFile],
  ])('writes %s', (_, signature, file) => {
    const bytes = encodeSignatureFile(signature)
    expect(Buffer.from(bytes).toString('latin1')).toBe(file)
    expect(plain(parseSignatureFile(bytes, 'signature-1'))).toEqual(plain(signature))
  })
})

describe('parseSignatureFile', () => {
  it('takes a bare message that starts with 0x93', () => {
    expect(plain(parseSignatureFile(Buffer.from('\x93x', 'latin1'), 'f'))).toEqual(plain(simple('\x93x')))
  })

  it.each([
    ['', 'f: empty signature blob'],
    ['{"json":1}', 'f: unrecognized signature format, starting with binary 0x7b'],
    ['\x3dx', 'f: unrecognized signature format, starting with binary 0x3d'],
    ['\0sigstore-json', 'f: invalid signature format, missing newline'],
    ['\0other\nx', 'f: unrecognized signature format "other"'],
    ['\0sigstore-json\nx', 'f is not valid JSON'],
    ['\0sigstore-json\n{"mimeType":1}', 'f: not a sigstore signature'],
    ['\0sigstore-json\n{"mimeType":"a","payload":"","annotations":{"a":1}}', 'f: not a sigstore signature'],
  ])('refuses %j', (file, message) => {
    expect(() => parseSignatureFile(Buffer.from(file, 'latin1'), 'f')).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_INVALID', message }),
    )
  })
})

function simple(content: string): StoredSignature {
  return { kind: 'simple', bytes: Buffer.from(content, 'latin1') }
}

function plain(signature: StoredSignature): unknown {
  return signature.kind === 'simple'
    ? Buffer.from(signature.bytes).toString('latin1')
    : { ...signature, payload: Buffer.from(signature.payload).toString() }
}
