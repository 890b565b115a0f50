import type { TransportCheck } from './check.ts'
import { cancellationChecks } from './checks/cancellation.ts'
import { capabilityChecks } from './checks/capabilities.ts'
import { failureChecks } from './checks/failures.ts'
import { imageChecks } from './checks/images.ts'
import { referenceChecks } from './checks/references.ts'
import { resourceChecks } from './checks/resources.ts'
import { visibilityChecks } from './checks/visibility.ts'

/** Every check of the suite, in the order they run. */
export const transportChecks: readonly TransportCheck[] = [
  ...referenceChecks,
  ...imageChecks,
  ...visibilityChecks,
  ...failureChecks,
  ...cancellationChecks,
  ...capabilityChecks,
  ...resourceChecks,
]
