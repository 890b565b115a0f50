import { posix } from 'node:path'

import { displayJson, duplicateKey, isDigest, parseJsonObject, TransloadError } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import { systemFile, userFile, type Locations } from './locations.ts'

/** containers-policy.json(5) */
export interface Policy {
  /** Where it is from. */
  readonly file: string
  readonly default: readonly PolicyRequirement[]
  /** Transport name → scope → requirements, all of which an image has to meet. The scope `''` is the transport's default. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly PolicyRequirement[]>>
}

export type RequirementType = 'insecureAcceptAnything' | 'reject' | 'signedBy' | 'sigstoreSigned' | 'signedBaseLayer'

export interface PolicyRequirement {
  readonly type: RequirementType
  /** Everything but `type`, as written: member names are checked, values only as far as they choose the kind of key. */
  readonly members: Readonly<Record<string, unknown>>
}

/**
 * The policy in `policyFile` (`--policy`), or else the user's, or else the system's. Throws CONFIG_INVALID when there is
 * none, or when it is not exactly what the format allows: a misspelled word in a policy must not weaken it.
 */
export async function readPolicy(
  locations: Locations,
  { policyFile }: { readonly policyFile?: string | undefined } = {},
): Promise<Policy> {
  const candidates = policyFile
    ? [policyFile]
    : [userFile(locations, 'policy.json'), systemFile(locations, 'containers', 'policy.json')]
  for (const file of candidates) {
    const text = await readConfigFile(file)
    if (text !== undefined) return parsePolicy(text, file)
  }
  const problem = policyFile
    ? `open ${policyFile}: no such file or directory`
    : `no policy.json file found at any of the following: ${candidates.map((file) => JSON.stringify(file)).join(', ')}`
  throw new TransloadError('CONFIG_INVALID', `Error loading trust policy: ${problem}`, {
    hint: 'Write a policy.json, or accept any image with --insecure-policy.',
  })
}

/** `file` is for messages. Throws CONFIG_INVALID. */
export function parsePolicy(text: string, file: string): Policy {
  try {
    const json = parseJsonObject(text, 'content', 'CONFIG_INVALID')
    const duplicate = duplicateKey(text)
    if (duplicate !== undefined) throw invalid(`Duplicate key ${JSON.stringify(duplicate)}`)
    rejectUnknownKeys(json, ['default', 'transports'])
    if (json['default'] === undefined) throw invalid('Default policy is missing')
    const transports = Object.entries(
      parseObject(json['transports'] === undefined ? {} : json['transports'], 'transports'),
    )
    return {
      file,
      default: parseRequirements(json['default']),
      transports: new Map(transports.map(([name, scopes]) => [name, parseScopes(name, scopes)])),
    }
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw invalid(`Error loading trust policy: invalid policy in ${JSON.stringify(file)}: ${cause.message}`)
  }
}

function parseScopes(transport: string, value: unknown): ReadonlyMap<string, readonly PolicyRequirement[]> {
  const scopes = Object.entries(parseObject(value, transport))
  const odd = scopes.find(([scope]) => scope !== '' && !isScope(transport, scope))
  if (odd) throw unknownKey(odd[0])
  return new Map(scopes.map(([scope, requirements]) => [scope, parseRequirements(requirements)]))
}

/** Transports that are not known may have any scope. */
function isScope(transport: string, scope: string): boolean {
  switch (transport) {
    case 'docker-archive':
    case 'tarball':
      return false
    case 'dir':
    case 'sif':
    case 'oci':
    case 'oci-archive':
      return scope !== '/' && posix.isAbsolute(scope) && posix.resolve(scope) === scope
    case 'docker-daemon':
      return !isDigest(scope)
    case 'containers-storage':
      return /^\[(?:[^@\]]+@)?\/[^\]]*\]/.test(scope)
    default:
      return true
  }
}

function parseRequirements(value: unknown): readonly PolicyRequirement[] {
  if (!Array.isArray(value)) throw invalid('policy requirements are not a list')
  if (value.length === 0) throw invalid('List of verification policy requirements must not be empty')
  return value.map(parseRequirement)
}

function parseRequirement(value: unknown): PolicyRequirement {
  const { type, ...members } = parseObject(value, 'a policy requirement')
  if (typeof type !== 'string' || !Object.hasOwn(requirementMembers, type)) {
    throw invalid(`Unknown policy requirement type ${displayJson(type ?? '')}`)
  }
  const known = type as RequirementType
  rejectUnknownKeys(members, requirementMembers[known])
  if (known === 'signedBy') checkSignedBy(members)
  if (known === 'sigstoreSigned') checkSigstoreSigned(members)
  for (const name of ['signedIdentity', 'baseLayerIdentity']) {
    if (members[name] !== undefined) checkMatcher(members[name])
  }
  return { type: known, members }
}

const requirementMembers: Readonly<Record<RequirementType, readonly string[]>> = {
  insecureAcceptAnything: [],
  reject: [],
  signedBy: ['keyType', 'keyPath', 'keyPaths', 'keyData', 'signedIdentity'],
  sigstoreSigned: [
    'keyPath',
    'keyPaths',
    'keyData',
    'keyDatas',
    'fulcio',
    'pki',
    'rekorPublicKeyPath',
    'rekorPublicKeyPaths',
    'rekorPublicKeyData',
    'rekorPublicKeyDatas',
    'signedIdentity',
  ],
  signedBaseLayer: ['baseLayerIdentity'],
}

function checkSignedBy(members: Readonly<Record<string, unknown>>): void {
  const { keyType } = members
  const keyTypes: readonly unknown[] = ['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs']
  if (!keyTypes.includes(keyType)) throw invalid(`Unrecognized keyType value ${displayJson(keyType ?? '')}`)
  const count = ['keyPath', 'keyPaths', 'keyData'].filter((name) => members[name] !== undefined).length
  if (count === 1) return
  const problem = count === 0 ? 'none of them present' : 'more than one present'
  throw invalid(`Exactly one of keyPath, keyPaths and keyData must be specified, ${problem}`)
}

function checkSigstoreSigned(members: Readonly<Record<string, unknown>>): void {
  const sources = ['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki']
  if (sources.filter((name) => members[name] !== undefined).length === 1) return
  throw invalid('exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki must be specified')
}

/** All required. */
const matcherMembers: Readonly<Record<string, readonly string[]>> = {
  matchExact: [],
  matchRepoDigestOrExact: [],
  matchRepository: [],
  exactReference: ['dockerReference'],
  exactRepository: ['dockerRepository'],
  remapIdentity: ['prefix', 'signedPrefix'],
}

function checkMatcher(value: unknown): void {
  const { type, ...members } = parseObject(value, 'an identity matcher')
  if (typeof type !== 'string' || !Object.hasOwn(matcherMembers, type)) {
    throw invalid(`Unknown policy reference match type ${displayJson(type ?? '')}`)
  }
  const expected = matcherMembers[type]!
  rejectUnknownKeys(members, expected)
  const missing = expected.find((name) => members[name] === undefined)
  if (missing !== undefined) throw invalid(`Key ${JSON.stringify(missing)} missing in a JSON object`)
}

function parseObject(value: unknown, subject: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${subject} is not an object`)
  return value as Record<string, unknown>
}

function rejectUnknownKeys(object: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key))
  if (unknown !== undefined) throw unknownKey(unknown)
}

function unknownKey(key: string): TransloadError {
  return invalid(`Unknown key ${JSON.stringify(key)}`)
}

function invalid(message: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', message)
}
