import { createTrustPolicy, readPolicy } from '@transload/config'
import type { TrustPolicy } from '@transload/contract'

import type { CommandContext } from './context.ts'

/** The policy images have to meet; undefined with `--insecure-policy`. Throws CONFIG_INVALID. */
export async function loadTrustPolicy({ globals, locations }: CommandContext): Promise<TrustPolicy | undefined> {
  if (globals.insecurePolicy) return undefined
  return createTrustPolicy(await readPolicy(locations, { policyFile: globals.policy }))
}
