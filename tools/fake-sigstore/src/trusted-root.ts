import { X509Certificate } from 'node:crypto'

import type { CertificateAuthority } from './certificate-authority.ts'
import type { TransparencyLog } from './transparency-log.ts'

export interface TrustedServices {
  readonly authority: CertificateAuthority
  readonly fulcioUrl: string
  readonly log: TransparencyLog
  readonly rekorUrl: string
}

/** What `cosign verify --trusted-root` believes: a trusted_root.json, to be written as JSON. */
export function createTrustedRoot({ authority, fulcioUrl, log, rekorUrl }: TrustedServices): unknown {
  const validFor = { start: new Date(Date.now() - 86_400_000).toISOString() }
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: rekorUrl,
        hashAlgorithm: 'SHA2_256',
        publicKey: {
          rawBytes: log.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
          validFor,
        },
        logId: { keyId: Buffer.from(log.id, 'hex').toString('base64') },
      },
    ],
    certificateAuthorities: [
      {
        subject: { organization: 'fake', commonName: 'fake' },
        uri: fulcioUrl,
        certChain: {
          certificates: authority.chain.map((pem) => ({ rawBytes: new X509Certificate(pem).raw.toString('base64') })),
        },
        validFor,
      },
    ],
    ctlogs: [],
    timestampAuthorities: [],
  }
}
