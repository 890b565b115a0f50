import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

/** A log of certificates (RFC 6962) that signs what it is given and forgets it. */
export interface CertificateLog {
  readonly publicKey: KeyObject
  /**
   * The content of the extension that says that the log has a certificate: of one without that extension, its
   * TBSCertificate and its issuer's public key, both as DER.
   */
  createTimestamps(tbsCertificate: Uint8Array, issuerKey: Uint8Array): Buffer
}

export const timestampsExtension = '1.3.6.1.4.1.11129.2.4.2'

export function createCertificateLog(): CertificateLog {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest()
  return {
    publicKey,
    createTimestamps(tbsCertificate, issuerKey) {
      const version = Buffer.from([0])
      const time = Buffer.alloc(8)
      time.writeBigUInt64BE(BigInt(Date.now()))
      const precertificate = Buffer.concat([
        Buffer.from([0, 1]),
        createHash('sha256').update(issuerKey).digest(),
        prefixed(3, tbsCertificate),
      ])
      const none = prefixed(2, Buffer.alloc(0))
      const signature = sign('sha256', Buffer.concat([version, version, time, precertificate, none]), privateKey)
      const sha256WithEcdsa = Buffer.from([4, 3])
      const timestamp = Buffer.concat([version, id, time, none, sha256WithEcdsa, prefixed(2, signature)])
      const list = prefixed(2, prefixed(2, timestamp))
      return Buffer.concat([Buffer.from([0x04, ...derLength(list.length)]), list])
    },
  }
}

function prefixed(lengthBytes: number, content: Uint8Array): Buffer {
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(content.length, 0, lengthBytes)
  return Buffer.concat([length, content])
}

function derLength(length: number): readonly number[] {
  return length < 0x80 ? [length] : [0x81, length]
}
