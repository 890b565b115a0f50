import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import {
  collect,
  digestAlgorithm,
  digestHex,
  displayUrl,
  systemErrorCode,
  systemErrorText,
  TransloadError,
  type Digest,
  type Log,
  type OperationOptions,
  type StoredSignature,
} from '@transload/contract'
import { parseSignatureFile } from '@transload/formats'

import type { RegistryClient } from '../registry-client.ts'
import { registryError } from '../registry-error.ts'

export type SignatureOptions = OperationOptions & { readonly log: Log }

const maxSignatures = 128
export const maxSignatureBytes = 4 * 1024 * 1024

/**
 * `BASE/REPOSITORY@ALGORITHM=HEX`: what holds the signatures of a manifest (trust.md §4.2); the repository without its
 * host. Throws CONFIG_INVALID if `base` is no URL of a kind that can be read.
 */
export function lookasideUrl(base: string, repository: string, manifest: Digest): URL {
  const url = URL.parse(base)
  if (!url) {
    throw new TransloadError('CONFIG_INVALID', `Invalid signature storage URL ${JSON.stringify(base)}`, {
      hint: 'Write file:///DIRECTORY or https://HOST/PATH in registries.d.',
    })
  }
  if (!/^(?:file|https?):$/.test(url.protocol)) {
    throw new TransloadError('CONFIG_INVALID', `Unsupported scheme when reading signature from ${displayUrl(url)}`)
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${repository}@${digestAlgorithm(manifest)}=${digestHex(manifest)}`
  return url
}

/** The directory a `file:` URL names. Throws CONFIG_INVALID if it names another machine's. */
export function lookasideDirectory(url: URL): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new TransloadError('CONFIG_INVALID', `Invalid signature storage URL ${url.href}`, {
      cause,
      hint: 'Write file:///DIRECTORY, with three slashes.',
    })
  }
}

/** `signature-1`, … */
export function signatureName(position: number): string {
  return `signature-${position}`
}

/** Reads signatures 1, 2, … until one is missing; `client` has the TLS settings. Throws SIGNATURE_INVALID, IO. */
export async function readLookaside(
  client: RegistryClient,
  url: URL,
  options: SignatureOptions,
): Promise<readonly StoredSignature[]> {
  const signatures: StoredSignature[] = []
  for (let position = 1; ; position++) {
    options.signal?.throwIfAborted()
    const one = new URL(url)
    one.pathname += `/${signatureName(position)}`
    const bytes = one.protocol === 'file:' ? await readFile(one) : await fetchFile(client, one, options)
    if (!bytes) return signatures
    if (position > maxSignatures) {
      const problem = `server provided ${maxSignatures} signatures, assuming that's unreasonable and a server error`
      throw new TransloadError('SIZE_LIMIT', `${displayUrl(url)}: ${problem}`)
    }
    const subject = one.protocol === 'file:' ? JSON.stringify(lookasideDirectory(one)) : displayUrl(one)
    signatures.push(parseSignatureFile(bytes, `parsing signature ${subject}`))
  }
}

/** Undefined if there is none. */
async function readFile(url: URL): Promise<Uint8Array | undefined> {
  const path = lookasideDirectory(url)
  try {
    await using file = await open(path)
    return await collect(file.createReadStream({ autoClose: false }), maxSignatureBytes, path)
  } catch (cause) {
    if (TransloadError.is(cause)) throw cause
    if (systemErrorCode(cause) === 'ENOENT') return undefined
    throw new TransloadError('IO', `open ${path}: ${systemErrorText(cause)}`, { cause })
  }
}

/** Undefined if there is none. */
async function fetchFile(client: RegistryClient, url: URL, options: SignatureOptions): Promise<Uint8Array | undefined> {
  const subject = displayUrl(url)
  const response = await client.fetchForeign(url, options)
  if (response.status === 404) {
    await response.discard()
    return undefined
  }
  if (response.status !== 200) throw await registryError(response, `reading signature from ${subject}`, 'other')
  const contentType = response.headers.get('content-type') ?? ''
  if (/^\s*text\/html\b/i.test(contentType)) {
    const type = JSON.stringify(contentType)
    options.log('warn', `Signature "${subject}" has Content-Type ${type}, unexpected for a signature`)
  }
  return await collect(response.body, maxSignatureBytes, subject)
}
