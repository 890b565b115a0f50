import { displayJson, type PolicyRequirement, type SignedByRequirement } from '@transload/contract'

import { parseIdentityMatcher } from './identity-matcher.ts'
import {
  invalidPolicy,
  presentMembers,
  readExactMembers,
  readKeySources,
  readMembers,
  readObject,
  type PolicyMembers,
} from './policy-members.ts'
import { parseSigstoreSigned } from './sigstore-requirement.ts'

const keyTypes: readonly unknown[] = ['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs']
const keyMembers = ['keyPath', 'keyPaths', 'keyData'] as const

/** One requirement of a policy (trust.md §1.4). */
export function parseRequirement(value: unknown): PolicyRequirement {
  const { type } = readObject(value, 'a policy requirement')
  switch (type) {
    case 'insecureAcceptAnything':
    case 'reject':
      readExactMembers(value, type, ['type'])
      return { type }
    case 'signedBaseLayer': {
      parseIdentityMatcher(readExactMembers(value, type, ['type', 'baseLayerIdentity'])['baseLayerIdentity'])
      return { type }
    }
    case 'signedBy':
      return parseSignedBy(readMembers(value, type, ['type', 'keyType', ...keyMembers, 'signedIdentity']))
    case 'sigstoreSigned':
      return parseSigstoreSigned(value)
    default:
      throw invalidPolicy(`Unknown policy requirement type ${displayJson(type ?? '')}`)
  }
}

function parseSignedBy(members: PolicyMembers): SignedByRequirement {
  const { keyType, signedIdentity } = members
  if (keyType !== undefined && !keyTypes.includes(keyType)) {
    throw invalidPolicy(`Unrecognized keyType value ${displayJson(keyType)}`)
  }
  const [source, second] = presentMembers(members, keyMembers)
  if (source === undefined || second !== undefined) {
    const problem = source === undefined ? 'none of them present' : 'more than one present'
    throw invalidPolicy(`Exactly one of keyPath, keyPaths and keyData must be specified, ${problem}`)
  }
  if (typeof keyType !== 'string') throw invalidPolicy('invalid keyType ""')
  return {
    type: 'signedBy',
    keyType,
    keys: readKeySources(members, source),
    signedIdentity: parseIdentityMatcher(signedIdentity === undefined ? defaultMatcher : signedIdentity),
  }
}

const defaultMatcher = { type: 'matchRepoDigestOrExact' }
