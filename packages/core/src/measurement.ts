import { createDigester, type Digest, type Stage } from '@transload/contract'

/** Digest and size of a stream, known once it has ended. */
export interface Measurement {
  /** Passes bytes on and hashes them. Used once. */
  readonly stage: Stage
  /** Only after the stream ended. */
  result(): { readonly digest: Digest; readonly size: number }
}

export function createMeasurement(): Measurement {
  const digester = createDigester()
  let result: ReturnType<Measurement['result']> | undefined
  return {
    stage: async function* (input) {
      for await (const chunk of input) {
        digester.update(chunk)
        yield chunk
      }
      result = { digest: digester.digest(), size: digester.size }
    },
    result: () => {
      if (!result) throw new Error('digest and size are known only after the body has been read to its end')
      return result
    },
  }
}
