import { TransloadError, type OperationOptions } from '@transload/contract'

import { parseCertificate, type Certificate } from './certificate.ts'
import type { JweRecipient } from './jwe.ts'
import type { KeyAccess } from './key-access.ts'
import type { KeyProvider } from './key-provider.ts'
import { readNamedFile } from './named-file.ts'
import type { PgpRecipients } from './pgp.ts'
import { parseProviders } from './provider-names.ts'
import { parseJweRecipient } from './public-key.ts'

/** Whom layers are encrypted for. */
export interface Recipients {
  readonly jwe?: readonly JweRecipient[]
  readonly pgp?: PgpRecipients | undefined
  readonly pkcs7?: readonly Certificate[]
  readonly providers?: readonly KeyProvider[]
}

/**
 * From `jwe:PUBLIC-KEY-FILE`, `pgp:NAME-OR-ADDRESS`, `pkcs7:CERTIFICATE-FILE` and `provider:NAME[:ARGUMENT]`, as on
 * ocicrypt's command lines. Throws CONFIG_INVALID, and UNSUPPORTED for `pkcs11:`; worded as ocicrypt's errors.
 */
export async function readRecipients(
  texts: readonly string[],
  access: KeyAccess,
  options: OperationOptions = {},
): Promise<Recipients> {
  const jwe: JweRecipient[] = []
  const pkcs7: Certificate[] = []
  const names: string[] = []
  const providers: string[] = []
  for (const text of texts) {
    const colon = text.indexOf(':')
    if (colon < 0) throw invalid('Invalid recipient format', forms)
    const value = text.slice(colon + 1)
    switch (text.slice(0, colon)) {
      case 'jwe':
        jwe.push(await readPublicKey(value, access))
        break
      case 'pkcs7':
        pkcs7.push(await readCertificate(value, access))
        break
      case 'pgp':
        names.push(value)
        break
      case 'provider':
        providers.push(value)
        break
      case 'pkcs11':
        throw new TransloadError('UNSUPPORTED', 'keys on PKCS #11 tokens are not supported', { hint: forms })
      default:
        throw invalid('Provided protocol not recognized', forms)
    }
  }
  return {
    jwe,
    pkcs7,
    pgp: names.length > 0 ? { names, keyring: await readKeyring(access, options) } : undefined,
    providers: parseProviders(providers, access),
  }
}

const forms = 'Recipients: jwe:PUBLIC-KEY-FILE, pgp:NAME, pkcs7:CERTIFICATE-FILE, provider:NAME.'

async function readPublicKey(path: string, access: KeyAccess): Promise<JweRecipient> {
  const recipient = parseJweRecipient(await readNamedFile(path, access))
  if (!recipient) throw invalid('File provided is not a public key', 'It has to be PEM, DER or JWK.')
  return recipient
}

async function readCertificate(path: string, access: KeyAccess): Promise<Certificate> {
  const certificate = parseCertificate(await readNamedFile(path, access))
  if (!certificate) throw invalid('File provided is not an x509 cert', 'It has to be PEM or DER.')
  if (certificate.publicKey.asymmetricKeyType !== 'rsa') throw invalid('PKCS7: only RSA keys are supported')
  return certificate
}

async function readKeyring(access: KeyAccess, options: OperationOptions): Promise<Uint8Array> {
  if (access.readKeyring) return await access.readKeyring(options)
  throw new TransloadError('UNSUPPORTED', 'PGP: there is no GnuPG keyring to look for recipients in')
}

function invalid(message: string, hint?: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', message, { hint })
}
