import {
  displayJson,
  isRepositoryPrefix,
  parseDockerReference,
  TransloadError,
  type DockerReference,
  type IdentityMatcher,
} from '@transload/contract'

import { invalidPolicy, readExactMembers, readObject, readText, type PolicyMembers } from './policy-members.ts'

/** `signedIdentity` of a requirement (trust.md §1.5). */
export function parseIdentityMatcher(value: unknown): IdentityMatcher {
  const { type } = readObject(value, 'an identity matcher')
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      matcherMembers(value)
      return { type }
    case 'exactReference': {
      const dockerReference = readText(matcherMembers(value, 'dockerReference'), 'dockerReference')
      const { tag, digest } = readName(dockerReference, 'dockerReference')
      if (tag === undefined && digest === undefined) {
        throw invalidPolicy(`dockerReference ${JSON.stringify(dockerReference)} contains neither a tag nor digest`)
      }
      return { type, dockerReference }
    }
    case 'exactRepository': {
      const dockerRepository = readText(matcherMembers(value, 'dockerRepository'), 'dockerRepository')
      readName(dockerRepository, 'dockerRepository')
      return { type, dockerRepository }
    }
    case 'remapIdentity': {
      const members = matcherMembers(value, 'prefix', 'signedPrefix')
      return { type, prefix: readPrefix(members, 'prefix'), signedPrefix: readPrefix(members, 'signedPrefix') }
    }
    default:
      throw invalidPolicy(`Unknown policy reference match type ${displayJson(type ?? '')}`)
  }
}

function matcherMembers(value: unknown, ...names: readonly string[]): PolicyMembers {
  return readExactMembers(value, 'an identity matcher', ['type', ...names])
}

function readName(text: string, member: string): DockerReference {
  try {
    return parseDockerReference(text)
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw invalidPolicy(`Invalid format of ${member} ${JSON.stringify(text)}: ${cause.message}`)
  }
}

function readPrefix(members: PolicyMembers, name: string): string {
  const prefix = readText(members, name)
  if (!isRepositoryPrefix(prefix)) throw invalidPolicy(`prefix ${JSON.stringify(prefix)} is not valid`)
  return prefix
}
