import type { KeySource, SigstoreSignedRequirement, SigstoreTrust } from '@transload/contract'

import { parseIdentityMatcher } from './identity-matcher.ts'
import {
  invalidPolicy,
  presentMembers,
  readKeySource,
  readKeySources,
  readMembers,
  readText,
  type PolicyMembers,
} from './policy-members.ts'

const keyMembers = ['keyPath', 'keyPaths', 'keyData', 'keyDatas'] as const
const trustMembers = [...keyMembers, 'fulcio', 'pki'] as const
const rekorMembers = ['rekorPublicKeyPath', 'rekorPublicKeyPaths', 'rekorPublicKeyData', 'rekorPublicKeyDatas'] as const
/** As messages spell them. */
const rekorNames = 'rekorPublickeyPath, rekorPublicKeyPaths, rekorPublickeyData and rekorPublicKeyDatas'

/** A requirement of type `sigstoreSigned` (trust.md §1.4). */
export function parseSigstoreSigned(value: unknown): SigstoreSignedRequirement {
  const members = readMembers(value, 'sigstoreSigned', ['type', ...trustMembers, ...rekorMembers, 'signedIdentity'])
  const { signedIdentity } = members
  const matcher = parseIdentityMatcher(
    signedIdentity === undefined ? { type: 'matchRepoDigestOrExact' } : signedIdentity,
  )
  const [source, second] = presentMembers(members, trustMembers)
  if (source === undefined || second !== undefined) {
    throw invalidPolicy('exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki must be specified')
  }
  const trust = parseTrust(members, source)
  const [rekor, secondRekor] = presentMembers(members, rekorMembers)
  if (secondRekor !== undefined) throw invalidPolicy(`at most one of ${rekorNames} can be used simultaneously`)
  if (trust.kind === 'fulcio' && rekor === undefined) {
    throw invalidPolicy(`At least one of ${rekorNames} must be specified if fulcio is used`)
  }
  if (trust.kind === 'pki' && rekor !== undefined) throw invalidPolicy(`${rekorNames} are not supported for pki`)
  const rekorKeys = rekor === undefined ? [] : someKeys(members, rekor, rekor.replace('PublicKey', 'Publickey'))
  return { type: 'sigstoreSigned', trust, rekorKeys, signedIdentity: matcher }
}

function parseTrust(members: PolicyMembers, source: (typeof trustMembers)[number]): SigstoreTrust {
  switch (source) {
    case 'fulcio':
      return parseFulcio(members[source])
    case 'pki':
      return parsePki(members[source])
    default:
      return { kind: 'keys', keys: someKeys(members, source, source) }
  }
}

/** An empty list would be a requirement that nothing can meet, or one that was meant to be there and is not. */
function someKeys(members: PolicyMembers, name: string, shownName: string): readonly KeySource[] {
  const keys = readKeySources(members, name)
  if (keys.length === 0) throw invalidPolicy(`"${shownName}" contains no entries`)
  return keys
}

function parseFulcio(value: unknown): SigstoreTrust {
  const members = readMembers(value, 'fulcio', ['caPath', 'caData', 'oidcIssuer', 'subjectEmail'])
  const ca = oneSource(members, 'caPath', 'caData')
  if (ca === undefined) throw invalidPolicy('At least one of caPath and caData must be specified')
  const oidcIssuer = optionalText(members, 'oidcIssuer')
  if (oidcIssuer === undefined) throw invalidPolicy('oidcIssuer not specified')
  const subjectEmail = optionalText(members, 'subjectEmail')
  if (subjectEmail === undefined) throw invalidPolicy('subjectEmail not specified')
  return { kind: 'fulcio', ca, oidcIssuer, subjectEmail }
}

function parsePki(value: unknown): SigstoreTrust {
  const members = readMembers(value, 'pki', [
    'caRootsPath',
    'caRootsData',
    'caIntermediatesPath',
    'caIntermediatesData',
    'subjectEmail',
    'subjectHostname',
  ])
  const roots = oneSource(members, 'caRootsPath', 'caRootsData')
  if (roots === undefined) throw invalidPolicy('At least one of caRootsPath and caRootsData must be specified')
  const intermediates = oneSource(members, 'caIntermediatesPath', 'caIntermediatesData')
  const subjectEmail = optionalText(members, 'subjectEmail')
  const subjectHostname = optionalText(members, 'subjectHostname')
  if (subjectEmail === undefined && subjectHostname === undefined) {
    throw invalidPolicy('At least one of subjectEmail, subjectHostname must be specified')
  }
  return {
    kind: 'pki',
    roots,
    ...(intermediates === undefined ? {} : { intermediates }),
    ...(subjectEmail === undefined ? {} : { subjectEmail }),
    ...(subjectHostname === undefined ? {} : { subjectHostname }),
  }
}

function oneSource(members: PolicyMembers, path: string, data: string): KeySource | undefined {
  const [name, second] = presentMembers(members, [path, data])
  if (second !== undefined) throw invalidPolicy(`${path} and ${data} cannot be used simultaneously`)
  return name === undefined ? undefined : readKeySource(members, name)
}

/** Empty is the same as absent. */
function optionalText(members: PolicyMembers, name: string): string | undefined {
  return members[name] === undefined ? undefined : readText(members, name) || undefined
}
