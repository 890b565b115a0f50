import { TransloadError } from '@transload/contract'

import { readConfigFile } from './config-file.ts'

/** containers-tls-details.yaml(5), in the words of `node:tls`. What is absent is left to Node. */
export interface TlsDetails {
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  /** For `ciphers`: only these. */
  readonly ciphers?: string
  /** For `ecdhCurve`: only these. */
  readonly groups?: string
}

/**
 * The file of `--tls-details`. Throws CONFIG_INVALID when it is missing, or holds a member or a name that is not known:
 * a restriction that somebody asked for must not be missing without a word.
 */
export async function readTlsDetails(path: string): Promise<TlsDetails> {
  const text = await readConfigFile(path)
  if (text === undefined) {
    throw new TransloadError('CONFIG_INVALID', `reading ${JSON.stringify(path)}: no such file or directory`)
  }
  return await parseTlsDetails(text, path)
}

/** `file` is for messages. */
export async function parseTlsDetails(text: string, file: string): Promise<TlsDetails> {
  const { parse } = await import('yaml')
  const invalid = (problem: string, cause?: unknown): TransloadError =>
    new TransloadError('CONFIG_INVALID', `parsing TLS details ${JSON.stringify(file)}: ${problem}`, {
      cause,
      hint: `Known members: ${members.join(', ')}; see containers-tls-details.yaml(5).`,
    })
  let value: unknown
  try {
    // Every scalar is a text, so that 1.3 is a version and not a number.
    value = parse(text, { schema: 'failsafe', stringKeys: true, logLevel: 'error' })
  } catch (error) {
    throw invalid((error as Error).message.split('\n', 1)[0]!, error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('not a mapping')
  const details = value as Readonly<Record<string, unknown>>
  const unknown = Object.keys(details).find((name) => !members.includes(name))
  if (unknown !== undefined) throw invalid(`field ${displayName(unknown)} not found`)
  const minVersion = details['minVersion'] ?? ''
  if (minVersion !== '' && !isKnown(versions, minVersion)) {
    throw invalid(`unrecognized TLS minimum version ${displayName(minVersion)}`)
  }
  const ciphers = parseNames(details['cipherSuites'], openSslSuites)
  if (typeof ciphers === 'string') throw invalid(`unrecognized TLS cipher suite ${ciphers}`)
  const groups = parseNames(details['namedGroups'], openSslGroups)
  if (typeof groups === 'string') throw invalid(`unrecognized TLS named group ${groups}`)
  return {
    ...(minVersion === '' ? {} : { minVersion: versions[minVersion] }),
    // To Node an empty list means its own.
    ...(ciphers ? { ciphers: ciphers.join(':') || '!ALL' } : {}),
    ...(groups && groups.length > 0 ? { groups: groups.join(':') } : {}),
  }
}

const members: readonly string[] = ['minVersion', 'cipherSuites', 'namedGroups']

const versions = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const

/** The suites Go knows, by their IANA names, as OpenSSL calls them; some it has no more. */
const openSslSuites = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_RC4_128_SHA: 'ECDHE-ECDSA-RC4-SHA',
  TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA: 'ECDHE-RSA-DES-CBC3-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_RC4_128_SHA: 'ECDHE-RSA-RC4-SHA',
  TLS_RSA_WITH_3DES_EDE_CBC_SHA: 'DES-CBC3-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_RSA_WITH_RC4_128_SHA: 'RC4-SHA',
} as const

const openSslGroups = {
  secp256r1: 'secp256r1',
  secp384r1: 'secp384r1',
  secp521r1: 'secp521r1',
  x25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
} as const

/** The list in OpenSSL's names; undefined when there is none; the first name (quoted) that is not in `known`. */
function parseNames(value: unknown, known: Readonly<Record<string, string>>): readonly string[] | string | undefined {
  if (value === undefined || value === '') return undefined
  if (!Array.isArray(value)) return displayName(value)
  const names: string[] = []
  for (const name of value as unknown[]) {
    if (!isKnown(known, name)) return displayName(name)
    names.push(known[name]!)
  }
  return names
}

function isKnown<K extends string>(known: Readonly<Record<K, string>>, name: unknown): name is K {
  return typeof name === 'string' && Object.hasOwn(known, name)
}

function displayName(value: unknown): string {
  return JSON.stringify(value).slice(0, 200)
}
