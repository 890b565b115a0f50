import { Command as Commander } from 'commander'

import { boolFlag } from './arguments/flag.ts'
import { globalFlags, rootOnlyFlags } from './options/global-options.ts'

/** The program without a command: what is understood before a command's name. */
export function createRoot(): Commander {
  const root = new Commander('transload').helpOption(false)
  for (const flag of Object.values(globalFlags)) root.addOption(flag)
  for (const flag of Object.values(rootOnlyFlags)) root.addOption(flag)
  return root.addOption(boolFlag('help', 'help for transload', { short: 'h' }))
}
