import type { ImageDestination, ImageReference, ImageSource, OpenOptions, Transport } from '@transload/contract'

import type { TransportSubject } from './subject.ts'

/** One thing every transport must do. */
export interface TransportCheck {
  readonly name: string
  /** Rejects when the transport does not do it; with {@link SkippedCheck} when it does not offer it. */
  readonly run: (bench: CheckBench) => Promise<void>
}

/** A transport with nothing stored yet, for one check. Everything opened through it is disposed after the check. */
export interface CheckBench {
  readonly subject: TransportSubject
  readonly transport: Transport
  /** What relative references are relative to. */
  readonly directory: string
  readonly openOptions: OpenOptions
  /** A place that holds nothing yet. */
  newReference(): Promise<ImageReference>
  /** Skips the check when the transport cannot be read. */
  openSource(reference: ImageReference, signal?: AbortSignal): Promise<ImageSource>
  /** Skips the check when the transport cannot be written. */
  openDestination(reference: ImageReference, signal?: AbortSignal): Promise<ImageDestination>
}

/** Ends a check whose subject the transport does not offer. `message` is the reason. */
export class SkippedCheck extends Error {}
