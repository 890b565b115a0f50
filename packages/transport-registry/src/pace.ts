/** How fast a body comes, and whether that is the connection's doing. */
export interface Pace {
  /** So many bytes came, after the reader had waited for them so long. */
  received(bytes: number, waitedMs: number, nowMs: number): void
  /** The reader waits most of the time, and what comes is less than one connection may carry. */
  readonly isSlow: boolean
}

/** Judged by so much at a time. */
const sampleBytes = 16 * 1024 * 1024
/** More than a gigabit link carries: where a single connection does better there is nothing to gain. */
const fastBytesPerSecond = 150_000_000
const waitingShare = 0.7
/** One may be the machine's or the server's having other things to do. */
const slowSamplesInARow = 2

export function createPace(): Pace {
  let bytes = 0
  let waited = 0
  let sinceMs: number | undefined
  let slowSamples = 0
  return {
    received(count, waitedMs, nowMs) {
      sinceMs ??= nowMs - waitedMs
      bytes += count
      waited += waitedMs
      if (bytes < sampleBytes) return
      const elapsedMs = nowMs - sinceMs
      const isSlow = waited > elapsedMs * waitingShare && bytes * 1000 < elapsedMs * fastBytesPerSecond
      slowSamples = isSlow ? slowSamples + 1 : 0
      bytes = 0
      waited = 0
      sinceMs = nowMs
    },
    get isSlow() {
      return slowSamples >= slowSamplesInARow
    },
  }
}
