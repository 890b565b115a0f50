/** Compiles only if nothing that the packages export has lost its type: no `any`, whether said or left by an import that does not resolve. */
import type * as core from '@transload/core'
import type * as oci from '@transload/transport-oci'
import type * as docker from '@transload/transport-registry'

type IsAny<T> = 0 extends 1 & T ? true : false

/** Of a function: itself, its result (awaited) and its parameters; of anything else: itself. */
type HasAny<T> =
  IsAny<T> extends true
    ? true
    : T extends (...parameters: infer P) => infer R
      ? true extends IsAny<P[number]> | IsAny<R> | IsAny<Awaited<R>>
        ? true
        : false
      : false

type NamesOfAny<Exports> = { [Name in keyof Exports]: HasAny<Exports[Name]> extends true ? Name : never }[keyof Exports]

type Never<T extends never> = T

/** An error here names the exports with an `any`. */
export type Untyped = [Never<NamesOfAny<typeof core>>, Never<NamesOfAny<typeof oci>>, Never<NamesOfAny<typeof docker>>]

export const options: core.CopyOptions = {
  images: 'all',
  progress: (event) => {
    if (event.type === 'planned') console.log(event.bytes.toFixed())
  },
  // @ts-expect-error -- a misspelt option is found
  preserveDigest: true,
}

// @ts-expect-error -- the digest may be missing, as after a dry run
export const digest: string = (null as unknown as core.CopyResult).digest

// @ts-expect-error -- an option of the wrong type
export const wrong: docker.RegistryTransportOptions = { verifyTls: 'no' }
