import { X509Certificate } from 'node:crypto'

import { displayUrl, parseJsonObject, TransloadError, type OperationOptions } from '@transload/contract'

import type { IdToken } from './id-token.ts'
import { prefixed } from './prefixed.ts'
import { exchange, serviceError, type ServiceAnswer, type ServiceOptions } from './service.ts'
import { generateSigningKey, publicKeyPem, signBytes, type CertificateChain, type SigningKey } from './signing-key.ts'

export interface FulcioOptions extends ServiceOptions {
  readonly url: string
  readonly token: IdToken
}

/** Gives what to sign with now. May be called concurrently. */
export type KeySupply = (options?: OperationOptions) => Promise<SigningKey>

/** A certificate that is about to expire does not do. */
const leastValidMs = 30_000

/**
 * Keys of one use, certified by Fulcio to belong to whom the ID token names (trust.md §3.4). One serves until its
 * certificate expires; the next one needs a token that is still good. Throws HttpError, NETWORK, PROTOCOL and, when the
 * token has expired, UNAUTHENTICATED.
 */
export function createFulcioKeys(fulcio: FulcioOptions): KeySupply {
  let current: Promise<ExpiringKey | undefined> = Promise.resolve(undefined)
  return async (options = {}) => {
    const before = current.catch(() => undefined)
    const next = before.then(async (key) => {
      return key && key.expires - Date.now() > leastValidMs ? key : await requestKey(fulcio, options)
    })
    current = next
    return await next
  }
}

interface ExpiringKey extends SigningKey {
  /** Milliseconds since 1970. */
  readonly expires: number
}

async function requestKey(fulcio: FulcioOptions, { signal }: OperationOptions): Promise<ExpiringKey> {
  const { token } = fulcio
  if (token.expires !== undefined && token.expires.getTime() <= Date.now()) {
    throw new TransloadError('UNAUTHENTICATED', 'obtaining certificate from Fulcio: the OIDC ID token has expired', {
      hint: 'Get a new ID token; it has to be good until the image is copied.',
    })
  }
  const key = await generateSigningKey()
  try {
    const certificate = await requestCertificate(key, { ...fulcio, signal })
    return { ...key, certificate, expires: new X509Certificate(certificate.leaf).validToDate.getTime() }
  } catch (error) {
    signal?.throwIfAborted()
    throw prefixed('obtaining certificate from Fulcio', error)
  }
}

/** By the API that every Fulcio has had, or else by the one that will stay. */
async function requestCertificate(
  key: SigningKey,
  options: FulcioOptions & OperationOptions,
): Promise<CertificateChain> {
  const { url, token } = options
  const base = url.replace(/\/+$/, '')
  const proof = (await signBytes(key, Buffer.from(token.subject))).toString('base64')
  const first = await exchange(
    {
      method: 'POST',
      url: `${base}/api/v1/signingCert`,
      headers: { accept: 'application/pem-certificate-chain', authorization: `Bearer ${token.raw}` },
      json: {
        publicKey: {
          content: key.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
          algorithm: 'ecdsa',
        },
        signedEmailAddress: proof,
        certificateSigningRequest: null,
      },
    },
    options,
  )
  if (isSuccess(first)) return checkedChain(Buffer.from(first.body).toString(), key, url)
  if (![404, 405, 410, 501].includes(first.status)) throw serviceError(first, token.raw)
  const second = await exchange(
    {
      method: 'POST',
      url: `${base}/api/v2/signingCert`,
      json: {
        credentials: { oidcIdentityToken: token.raw },
        publicKeyRequest: {
          publicKey: { algorithm: 'ECDSA', content: publicKeyPem(key) },
          proofOfPossession: proof,
        },
      },
    },
    options,
  )
  if (!isSuccess(second)) throw serviceError(second, token.raw)
  return checkedChain(certificatesOf(second), key, url)
}

function isSuccess({ status }: ServiceAnswer): boolean {
  return status === 200 || status === 201
}

/** PEM blocks, the leaf first, of an answer of the second API. */
function certificatesOf({ body, request }: ServiceAnswer): string {
  const answer = parseJsonObject(body, `the answer of ${displayUrl(request.url)}`, 'PROTOCOL')
  const signed = (answer['signedCertificateEmbeddedSct'] ?? answer['signedCertificateDetachedSct']) as
    | { readonly chain?: { readonly certificates?: unknown } | null }
    | null
    | undefined
  const certificates = signed?.chain?.certificates
  return Array.isArray(certificates) ? certificates.filter((one) => typeof one === 'string').join('\n') : ''
}

function checkedChain(pem: string, key: SigningKey, url: string): CertificateChain {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const [leaf, ...issuers] = parseCertificates(blocks, url)
  if (!leaf) throw new TransloadError('PROTOCOL', `${displayUrl(url)}: no certificate in the answer`)
  if (!leaf.publicKey.equals(key.publicKey)) {
    throw new TransloadError('PROTOCOL', `${displayUrl(url)}: the certificate is for another key`)
  }
  return { leaf: leaf.toString(), issuers: issuers.map(String) }
}

function parseCertificates(blocks: readonly string[], url: string): readonly X509Certificate[] {
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (cause) {
    throw new TransloadError('PROTOCOL', `${displayUrl(url)}: malformed certificate in the answer`, { cause })
  }
}
