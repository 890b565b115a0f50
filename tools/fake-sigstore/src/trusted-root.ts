import { createHash, X509Certificate, type KeyObject } from 'node:crypto'

import type { CertificateAuthority } from './certificate-authority.ts'
import type { CertificateLog } from './certificate-log.ts'
import type { TransparencyLog } from './transparency-log.ts'

export interface TrustedServices {
  readonly authority: CertificateAuthority
  /** Fulcio's. */
  readonly certificateLog: CertificateLog
  readonly fulcioUrl: string
  readonly log: TransparencyLog
  readonly rekorUrl: string
}

/** What `cosign verify --trusted-root` believes: a trusted_root.json, to be written as JSON. */
export function createTrustedRoot(services: TrustedServices): unknown {
  const { authority, certificateLog, fulcioUrl, log, rekorUrl } = services
  const certificates = authority.chain.map((pem) => ({ rawBytes: new X509Certificate(pem).raw.toString('base64') }))
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [trustedLog(rekorUrl, log.publicKey)],
    certificateAuthorities: [
      {
        subject: { organization: 'fake', commonName: 'fake' },
        uri: fulcioUrl,
        certChain: { certificates },
        validFor: sinceYesterday(),
      },
    ],
    ctlogs: [trustedLog(fulcioUrl, certificateLog.publicKey)],
    timestampAuthorities: [],
  }
}

function trustedLog(baseUrl: string, key: KeyObject): unknown {
  const spki = key.export({ format: 'der', type: 'spki' })
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: spki.toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: sinceYesterday(),
    },
    logId: { keyId: createHash('sha256').update(spki).digest('base64') },
  }
}

function sinceYesterday(): { readonly start: string } {
  return { start: new Date(Date.now() - 86_400_000).toISOString() }
}
