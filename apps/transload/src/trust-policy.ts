import { readPolicy } from '@transload/config'
import type { TrustPolicy } from '@transload/contract'
import { createTrustPolicy, type PluginRegistry, type TrustPolicyOptions } from '@transload/core'

import type { CommandContext } from './context.ts'

/** The policy images have to meet, given who has the verifiers; undefined with `--insecure-policy`. */
export type LoadedPolicy = (plugins: PluginRegistry) => TrustPolicy | undefined

/** Reads the policy file. `requireSigned`: as with the flag of that name. Throws CONFIG_INVALID. */
export async function loadTrustPolicy(
  { globals, locations }: CommandContext,
  { requireSigned = globals.requireSigned }: Pick<TrustPolicyOptions, 'requireSigned'> = {},
): Promise<LoadedPolicy> {
  if (globals.insecurePolicy) return () => undefined
  const policy = await readPolicy(locations, { policyFile: globals.policy })
  return (plugins) => createTrustPolicy(policy, { openVerifier: openVerifierOf(plugins), requireSigned })
}

/** Verifiers are kept by the type of the requirement they are for. */
export function openVerifierOf({ verifiers }: PluginRegistry): TrustPolicyOptions['openVerifier'] {
  return async (requirement) => await (await verifiers.get(requirement.type))(requirement)
}
