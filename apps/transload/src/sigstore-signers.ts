import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import {
  readProxySettings,
  readRootCertificates,
  readSigstoreParameters,
  readTlsDetails,
  type FulcioParameters,
  type OidcParameters,
} from '@transload/config'
import { displayUrl, systemErrorText, TransloadError, type Signer } from '@transload/contract'
import type { Fetch, IdToken, KeySupply, SignatureForm, SigningKey } from '@transload/signing/sigstore'

import type { CommandContext } from './context.ts'
import { openBrowser } from './open-browser.ts'
import { print } from './output.ts'
import { askPassphrase, readPassphraseFile } from './passphrase.ts'
import { prefixError } from './prefix-error.ts'
import { askLine } from './prompt.ts'
import { userAgent } from './side.ts'
import { version } from './version.ts'

const creator = `transload ${version}`

/** Signs with a private key; without a `passphrase` it is asked for. Throws USAGE, IO, CONFIG_INVALID, DECRYPTION_FAILED. */
export async function openSigstoreKeySigner(
  privateKeyFile: string,
  { passphrase, form }: { readonly passphrase: string | undefined; readonly form: SignatureForm },
  context: CommandContext,
): Promise<Signer> {
  const key = await readKey(privateKeyFile, passphrase ?? (await askPassphrase(privateKeyFile, context)), context)
  const { createSigstoreSigner } = await import('@transload/signing/sigstore')
  return createSigstoreSigner({ key, form, creator })
}

/**
 * Signs as a parameter file says. If it will be used, who has to log in for that does it here, before anything is copied.
 * Throws as `openSigstoreKeySigner`, and what Fulcio and the issuer of ID tokens are not content with.
 */
export async function openSigstoreSigner(
  parameterFile: string,
  { form, willSign }: { readonly form: SignatureForm; readonly willSign: boolean },
  context: CommandContext,
): Promise<Signer> {
  const { key, rekorUrl } = await readSigstoreParameters(parameterFile, context.directory)
  await using opened = new AsyncDisposableStack()
  const fetch = await openFetch(opened, context)
  if (rekorUrl !== undefined) context.log('debug', `Using Rekor server at ${displayUrl(rekorUrl)}`)
  const { createSigstoreSigner } = await import('@transload/signing/sigstore')
  const signer = createSigstoreSigner({
    key:
      'privateKeyFile' in key ? await openKeyFile(key, context) : await certifyKeys(key, { fetch, willSign }, context),
    rekor: rekorUrl === undefined ? undefined : { url: rekorUrl, fetch },
    form,
    creator,
  })
  opened.use(signer)
  const owned = opened.move()
  return { ...signer, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function openKeyFile(
  { privateKeyFile, passphraseFile }: { readonly privateKeyFile: string; readonly passphraseFile: string | undefined },
  context: CommandContext,
): Promise<SigningKey> {
  const passphrase =
    passphraseFile === undefined
      ? await askPassphrase(privateKeyFile, context)
      : await readPassphraseFile(passphraseFile, context)
  return await readKey(privateKeyFile, passphrase, context)
}

async function readKey(file: string, passphrase: string, { directory, signal }: CommandContext): Promise<SigningKey> {
  let content: Uint8Array
  try {
    content = await readFile(resolve(directory, file), { signal })
  } catch (cause) {
    signal.throwIfAborted()
    const message = `reading private key from ${file}: open ${file}: ${systemErrorText(cause)}`
    throw new TransloadError('IO', message, { cause })
  }
  const { readSigningKey } = await import('@transload/signing/sigstore')
  try {
    return await readSigningKey(content, passphrase)
  } catch (error) {
    throw prefixError('initializing private key', error)
  }
}

/** The first certificate is asked for at once if it will be needed, so that a refusal comes before the copy. */
async function certifyKeys(
  { fulcioUrl, oidc }: FulcioParameters,
  { fetch, willSign }: { readonly fetch: Fetch; readonly willSign: boolean },
  context: CommandContext,
): Promise<KeySupply> {
  const open = async (): Promise<KeySupply> => {
    const token = await obtainToken(oidc, fetch, context)
    context.log('debug', `Requesting a certificate from Fulcio at ${displayUrl(fulcioUrl)}`)
    const { createFulcioKeys } = await import('@transload/signing/sigstore')
    return createFulcioKeys({ url: fulcioUrl, token, fetch })
  }
  let opened: Promise<KeySupply> | undefined
  const keys: KeySupply = async (options) => await (await (opened ??= open()))(options)
  if (willSign) await keys(context)
  return keys
}

async function obtainToken(oidc: OidcParameters, fetch: Fetch, context: CommandContext): Promise<IdToken> {
  if (oidc.mode === 'staticToken') {
    const { parseIdToken } = await import('@transload/signing/sigstore')
    return parseIdToken(oidc.idToken)
  }
  const { globals, stdout, stderr, signal, log } = context
  log('debug', `Starting OIDC ${oidc.mode} for issuer ${displayUrl(oidc.issuerUrl)}`)
  const output = globals.json ? stderr : stdout
  const login = { ...oidc, fetch, signal, say: (line: string) => print(output, `${line}\n`) }
  const { requestIdTokenByBrowser, requestIdTokenByDevice } = await import('@transload/signing/oidc')
  return oidc.mode === 'deviceGrant'
    ? await requestIdTokenByDevice(login)
    : await requestIdTokenByBrowser({
        ...login,
        openBrowser: (url) => openBrowser(url, context),
        ask: (question) => askLine(question, { ...context, stdout: output }),
      })
}

/** With the proxies and roots of trust that registries are spoken to with. */
async function openFetch(
  opened: AsyncDisposableStack,
  { locations, globals, directory }: CommandContext,
): Promise<Fetch> {
  const { createServiceFetch } = await import('@transload/transport-registry')
  const service = opened.use(
    createServiceFetch({
      rootCertificates: () => readRootCertificates(locations),
      tlsDetails: globals.tlsDetails ? await readTlsDetails(resolve(directory, globals.tlsDetails)) : undefined,
      userAgent: userAgent(globals.userAgentPrefix),
      proxy: readProxySettings(locations.env),
    }),
  )
  return async (url, init) => {
    try {
      return await service.fetch(url, init)
    } catch (error) {
      if (!TransloadError.is(error, 'TLS')) throw error
      // No flag is about these servers.
      const hint = 'If the certificate is right, add its authority to those of the system, or name it in SSL_CERT_FILE.'
      throw new TransloadError(error.code, error.message, { cause: error, hint })
    }
  }
}
