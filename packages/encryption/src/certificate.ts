import { X509Certificate, type KeyObject } from 'node:crypto'

import { childrenOf, derTags, readElements } from './der.ts'

/** An X.509 certificate of whom layers are encrypted for, as PKCS #7 names them. */
export interface Certificate {
  readonly publicKey: KeyObject
  /** IssuerAndSerialNumber, DER. */
  readonly issuerAndSerial: Uint8Array
}

/** From PEM or DER; undefined if the bytes are something else. */
export function parseCertificate(bytes: Uint8Array): Certificate | undefined {
  try {
    const { publicKey, raw } = new X509Certificate(bytes)
    const [certificate] = readElements(raw)
    const [signed] = childrenOf(certificate, derTags.sequence)
    const [first, ...rest] = childrenOf(signed, derTags.sequence)
    // The version, if it is there, comes first; then serial number, algorithm and issuer.
    const [serial, , issuer] = first?.tag === derTags.context0 ? rest : [first, ...rest]
    return { publicKey, issuerAndSerial: Buffer.concat([issuer!.bytes, serial!.bytes]) }
  } catch {
    return undefined
  }
}
