/** `pnpm boundaries`: fails on a dependency that the layers do not allow, or on project references that differ from the dependencies. */
import { fileURLToPath } from 'node:url'

import { findViolations, referenceViolations } from './violations.ts'
import { readReferences, readWorkspace } from './workspace.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const packages = readWorkspace(root)
const projects = packages.flatMap(({ folder, references }) => (references ? [folder] : []))
const violations = [
  ...findViolations(packages),
  ...referenceViolations('tsconfig.json', readReferences(root, '.'), projects),
]
for (const violation of violations) console.error(violation)
console.log(`boundaries: ${packages.length} packages, ${violations.length} violations`)
process.exitCode = violations.length === 0 ? 0 : 1
