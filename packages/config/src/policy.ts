import { duplicateKey, parseJsonObject, TransloadError, type Policy, type PolicyRequirement } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import { systemFile, userFile, type Locations } from './locations.ts'
import { invalidPolicy, readMembers, readObject, unknownKey } from './policy-members.ts'
import { parseRequirement } from './policy-requirement.ts'
import { isPolicyScope } from './policy-scope.ts'

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
    if (duplicate !== undefined) throw invalidPolicy(`Duplicate key ${JSON.stringify(duplicate)}`)
    const { default: whenNoScopeFits, transports = {} } = readMembers(json, 'content', ['default', 'transports'])
    if (whenNoScopeFits === undefined) throw invalidPolicy('Default policy is missing')
    const scopesOf = Object.entries(readObject(transports, 'transports'))
    return {
      file,
      default: parseRequirements(whenNoScopeFits),
      transports: new Map(scopesOf.map(([name, scopes]) => [name, parseScopes(name, scopes)])),
    }
  } catch (cause) {
    if (!TransloadError.is(cause)) throw cause
    throw invalidPolicy(`Error loading trust policy: invalid policy in ${JSON.stringify(file)}: ${cause.message}`)
  }
}

function parseScopes(transport: string, value: unknown): ReadonlyMap<string, readonly PolicyRequirement[]> {
  const scopes = Object.entries(readObject(value, transport))
  const odd = scopes.find(([scope]) => scope !== '' && !isPolicyScope(transport, scope))
  if (odd) throw unknownKey(odd[0])
  return new Map(scopes.map(([scope, requirements]) => [scope, parseRequirements(requirements)]))
}

function parseRequirements(value: unknown): readonly PolicyRequirement[] {
  if (!Array.isArray(value)) throw invalidPolicy('policy requirements are not a list')
  if (value.length === 0) throw invalidPolicy('List of verification policy requirements must not be empty')
  return value.map(parseRequirement)
}
