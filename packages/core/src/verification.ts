import { createDigester, digestAlgorithm, TransloadError, type Descriptor, type Stage } from '@transload/contract'

/** Whether a stream carried what its descriptor says. */
export interface Verification {
  /** The stream went through to its end and was right. */
  readonly succeeded: boolean
  /**
   * Passes bytes on and hashes them once. Throws SIZE_MISMATCH as soon as there are too many, and DIGEST_MISMATCH
   * (or SIZE_MISMATCH) after the last one, so that whoever stores them is still inside its own loop. Used once.
   */
  readonly stage: Stage
}

export function createVerification({ digest, size }: Descriptor): Verification {
  let succeeded = false
  return {
    get succeeded() {
      return succeeded
    },
    stage: async function* (input) {
      const digester = createDigester(digestAlgorithm(digest))
      for await (const chunk of input) {
        digester.update(chunk)
        if (digester.size > size) throw wrongSize(digest, size, 'more')
        yield chunk
      }
      const got = digester.digest()
      if (got !== digest) {
        throw new TransloadError('DIGEST_MISMATCH', `Digest did not match, expected ${digest}, got ${got}`)
      }
      if (digester.size !== size) throw wrongSize(digest, size, digester.size)
      succeeded = true
    },
  }
}

function wrongSize(digest: string, expected: number, got: number | 'more'): TransloadError {
  return new TransloadError('SIZE_MISMATCH', `Size of ${digest} did not match, expected ${expected}, got ${got}`)
}
