export type Outcome<T> = { readonly value: T } | { readonly code: string }

/**
 * What came of trying: a value, or the code of a TransloadError. Any other error is a bug and is thrown on: bad input
 * must not get a stack trace. Errors are recognised by their brand, so that this package needs no other.
 */
export function outcome<T>(attempt: () => T): Outcome<T> {
  try {
    return { value: attempt() }
  } catch (error) {
    return { code: codeOf(error) }
  }
}

/** As {@link outcome}, of what takes its time. */
export async function laterOutcome<T>(attempt: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await attempt() }
  } catch (error) {
    return { code: codeOf(error) }
  }
}

function codeOf(error: unknown): string {
  const isOurs = error instanceof Error && Reflect.get(error, Symbol.for('transload.error')) === true
  if (!isOurs) throw error
  return String(Reflect.get(error, 'code'))
}
