import type { Transport } from '@transload/contract'

import type { FixtureImage } from './fixtures/images.ts'

/** What the suite has to know of the transport under test. Only `create` and `newReference` are needed by most. */
export interface TransportSubject {
  /** A new instance for each check. The suite calls its `close`. */
  readonly create: () => Transport | Promise<Transport>
  /**
   * Text after `scheme:` of a place that holds nothing yet: `n` is an integer that was not there before. Relative
   * paths are relative to a temporary directory that the suite makes and removes.
   */
  readonly newReference: (n: number) => string | Promise<string>
  /** Texts that `parse` must refuse. Default: the empty text. */
  readonly invalidReferences?: readonly string[]
  /** For a transport without `openDestination`: stores an image by other means and returns its reference's text. */
  readonly prepare?: (image: FixtureImage) => Promise<string>
  /** The place keeps no manifest bytes: it makes a manifest of the same config and layers each time it is read. */
  readonly rebuildsManifests?: boolean
  /** Checks that do not apply: name → reason. They are reported as skipped, with the reason. */
  readonly except?: Readonly<Record<string, string>>
  /** Runs once, after the last check. */
  readonly cleanup?: () => void | Promise<void>
}
