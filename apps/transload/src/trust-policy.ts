import { readPolicy } from '@transload/config'
import type { TrustPolicy } from '@transload/contract'
import { createTrustPolicy, type PluginRegistry } from '@transload/core'

import type { CommandContext } from './context.ts'

/** The policy images have to meet, given who has the verifiers; undefined with `--insecure-policy`. */
export type LoadedPolicy = (plugins: PluginRegistry) => TrustPolicy | undefined

/** Reads the policy file. Throws CONFIG_INVALID, and USAGE for flags that contradict each other. */
export async function loadTrustPolicy({ globals, locations }: CommandContext): Promise<LoadedPolicy> {
  if (globals.insecurePolicy) return () => undefined
  const policy = await readPolicy(locations, { policyFile: globals.policy })
  return ({ verifiers }) =>
    createTrustPolicy(policy, {
      openVerifier: async (requirement) => await (await verifiers.get(requirement.type))(requirement),
      requireSigned: globals.requireSigned,
    })
}
