import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { displayText, displayUrl, systemErrorText, TransloadError } from '@transload/contract'
import type { Node } from 'yaml'

/** How sigstore signatures are made, as containers-sigstore-signing-params.yaml(5) says it. */
export interface SigstoreParameters {
  readonly key: SigstoreKeyFile | FulcioParameters
  readonly rekorUrl: string | undefined
}

/** Paths as written: relative ones are relative to the working directory. */
export interface SigstoreKeyFile {
  readonly privateKeyFile: string
  /** Absent: the passphrase is to be asked for. */
  readonly passphraseFile: string | undefined
}

export interface FulcioParameters {
  readonly fulcioUrl: string
  readonly oidc: OidcParameters
}

/** Where the ID token is from. */
export type OidcParameters =
  | { readonly mode: 'staticToken'; readonly idToken: string }
  | {
      readonly mode: 'deviceGrant' | 'interactive'
      readonly issuerUrl: string
      readonly clientId: string
      readonly clientSecret: string
    }

/**
 * Reads a signing parameter file, `path` relative to `directory`. As strict as the tools that share it: a member that is
 * not known is an error. Throws CONFIG_INVALID and IO in their words, and never says what an ID token or secret is.
 */
export async function readSigstoreParameters(path: string, directory: string): Promise<SigstoreParameters> {
  let text: string
  try {
    text = await readFile(resolve(directory, path), 'utf8')
  } catch (cause) {
    const name = JSON.stringify(path)
    const message = `setting up signing using parameter file ${name}: reading ${name}: open ${path}: ${systemErrorText(cause)}`
    throw new TransloadError('IO', message, { cause })
  }
  return await parseSigstoreParameters(text, path)
}

/** The content of such a file; `path` is for messages. Throws CONFIG_INVALID. */
export async function parseSigstoreParameters(text: string, path: string): Promise<SigstoreParameters> {
  const members = await parseMembers(text, path)
  const { fulcio } = members
  const rekorUrl = members.rekorURL && checkUrl('rekorURL', members.rekorURL)
  if (members.privateKeyFile && fulcio) {
    throw invalid('multiple private key sources specified when preparing to create sigstore signatures')
  }
  if (!members.privateKeyFile && !fulcio) {
    throw invalid(
      'no private key source provided (neither a private key nor Fulcio) when preparing to create sigstore signatures',
    )
  }
  const key = fulcio
    ? checkFulcio(fulcio)
    : { privateKeyFile: members.privateKeyFile, passphraseFile: members.privateKeyPassphraseFile || undefined }
  return { key, rekorUrl: rekorUrl || undefined }
}

function checkFulcio(members: Members<typeof fulcioNames>): FulcioParameters {
  if (members.fulcioURL === '') throw invalid('missing fulcioURL')
  const fulcioUrl = checkUrl('fulcioURL', members.fulcioURL)
  const { oidcMode: mode, oidcIDToken: idToken, oidcClientID: clientId, oidcClientSecret: clientSecret } = members
  if (mode === 'staticToken') {
    if (idToken === '') throw invalid('missing oidcToken')
    return { fulcioUrl, oidc: { mode, idToken } }
  }
  if (members.oidcIssuerURL === '') throw invalid('missing oidcIssuerURL')
  const issuerUrl = checkUrl('oidcIssuerURL', members.oidcIssuerURL)
  if (mode === '') throw invalid('missing oidcMode')
  if (mode !== 'deviceGrant' && mode !== 'interactive') {
    throw invalid(`unknown oidcMode value ${JSON.stringify(displayText(mode))}`, {
      hint: 'Modes are staticToken, deviceGrant and interactive.',
    })
  }
  if (clientId === '') throw invalid('missing oidcClientID', { hint: 'Public issuers of sigstore know "sigstore".' })
  return { fulcioUrl, oidc: { mode, issuerUrl, clientId, clientSecret } }
}

function checkUrl(name: string, text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text
  throw invalid(`parsing ${name} ${JSON.stringify(displayUrl(text))}: it is not an http or https URL`)
}

const fulcioNames = [
  'fulcioURL',
  'oidcMode',
  'oidcIDToken',
  'oidcIssuerURL',
  'oidcClientID',
  'oidcClientSecret',
] as const
const fileNames = ['privateKeyFile', 'privateKeyPassphraseFile', 'rekorURL'] as const

/** What is absent or null is empty. */
type Members<N extends readonly string[]> = Readonly<Record<N[number], string>>

async function parseMembers(
  text: string,
  path: string,
): Promise<Members<typeof fileNames> & { readonly fulcio: Members<typeof fulcioNames> | undefined }> {
  const { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } = await import('yaml')
  const name = JSON.stringify(path)
  const fail = (problem: string, cause?: unknown): never => {
    throw invalid(`setting up signing using parameter file ${name}: parsing ${name}: ${problem}`, { cause })
  }
  const lineCounter = new LineCounter()
  const [document] = parseAllDocuments(text, { lineCounter, uniqueKeys: false, logLevel: 'silent' })
  if (!document || !('contents' in document)) return fail('EOF')
  const lineOf = (offset: number | undefined): number => Math.max(1, lineCounter.linePos(offset ?? 0).line)
  const [error] = document.errors
  // Its message can have the line in it, and a token is on some line.
  if (error) return fail(`yaml: line ${lineOf(error.pos[0])}: it is malformed (${error.code})`)

  const failAt = (node: unknown, problem: string): never =>
    fail(`yaml: unmarshal errors:\n  line ${lineOf((node as Node | null)?.range?.[0])}: ${problem}`)
  const resolved = (node: unknown): unknown => {
    if (!isAlias(node)) return node
    return (
      node.resolve(document) ?? fail(`yaml: unknown anchor ${JSON.stringify(displayText(node.source, 100))} referenced`)
    )
  }
  const tagOf = (node: unknown): string => (isSeq(node) ? '!!seq' : isMap(node) ? '!!map' : '!!str')
  const textOf = (given: unknown): string => {
    const node = resolved(given)
    if (!isScalar(node)) return failAt(given, `cannot unmarshal ${tagOf(node)} into string`)
    if (node.value === null) return ''
    return typeof node.value === 'string' ? node.value : (node.source ?? '')
  }
  const readPairs = (given: unknown, type: string, known: readonly string[]): ReadonlyMap<string, unknown> => {
    const node = resolved(given)
    const pairs = new Map<string, unknown>()
    if (node === null || node === undefined || (isScalar(node) && node.value === null)) return pairs
    if (!isMap(node)) return failAt(given, `cannot unmarshal ${tagOf(node)} into params.${type}`)
    for (const { key, value } of node.items) {
      const member = textOf(key)
      if (!known.includes(member)) failAt(key, `field ${displayText(member, 100)} not found in type params.${type}`)
      if (pairs.has(member)) failAt(key, `mapping key ${JSON.stringify(member)} already defined`)
      pairs.set(member, value)
    }
    return pairs
  }
  const textsOf = <N extends readonly string[]>(pairs: ReadonlyMap<string, unknown>, names: N): Members<N> =>
    Object.fromEntries(
      names.map((member) => [member, pairs.has(member) ? textOf(pairs.get(member)) : '']),
    ) as Members<N>

  const file = readPairs(document.contents, 'SigningParameterFile', [...fileNames, 'fulcio'])
  const fulcio = resolved(file.get('fulcio'))
  const isAbsent = fulcio === undefined || fulcio === null || (isScalar(fulcio) && fulcio.value === null)
  return {
    ...textsOf(file, fileNames),
    fulcio: isAbsent ? undefined : textsOf(readPairs(fulcio, 'SigningParameterFileFulcio', fulcioNames), fulcioNames),
  }
}

function invalid(problem: string, options?: { readonly cause?: unknown; readonly hint?: string }): TransloadError {
  return new TransloadError('CONFIG_INVALID', problem, options)
}
