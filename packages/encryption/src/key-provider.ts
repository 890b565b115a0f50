import { parseJsonObject, TransloadError, type OperationOptions } from '@transload/contract'

import { decodeBase64 } from './base64.ts'
import type { KeyUnwrapper, KeyWrapper } from './key-wrapper.ts'

/**
 * Asks a program or service that keeps keys: JSON in, JSON out (ocicrypt's key provider protocol). The application
 * supplies it, for it knows what may be run. May be called concurrently.
 */
export type KeyProviderCall = (request: string, options?: OperationOptions) => Promise<string>

export interface KeyProvider {
  readonly name: string
  readonly call: KeyProviderCall
  /** What the user said after the name, `NAME:ARGUMENT`; for the provider to make sense of. */
  readonly parameters: readonly string[]
}

/** Only the provider's own parameters are shown to it. */
export function createKeyProviderWrapper({ name, call, parameters }: KeyProvider): KeyWrapper {
  return {
    scheme: `provider.${name}`,
    wrap: async (options, operation) => {
      const ec = { Parameters: parametersJson(name, parameters), DecryptConfig: { Parameters: {} } }
      const request = {
        op: 'keywrap',
        keywrapparams: { ec, optsdata: Buffer.from(options).toString('base64') },
        keyunwrapparams: { dc: null, annotation: null },
      }
      return readResult(name, await call(JSON.stringify(request), operation), 'keywrapresults', 'annotation')
    },
  }
}

export function createKeyProviderUnwrapper({ name, call, parameters }: KeyProvider): KeyUnwrapper {
  return {
    scheme: `provider.${name}`,
    holdsPrivateKeys: false,
    unwrap: async (wrapped, operation) => {
      const dc = { Parameters: parametersJson(name, parameters) }
      const request = {
        op: 'keyunwrap',
        keywrapparams: { ec: null, optsdata: null },
        keyunwrapparams: { dc, annotation: Buffer.from(wrapped).toString('base64') },
      }
      return readResult(name, await call(JSON.stringify(request), operation), 'keyunwrapresults', 'optsdata')
    },
  }
}

/** Go's byte slices. */
function parametersJson(name: string, parameters: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return { [name]: parameters.map((parameter) => Buffer.from(parameter).toString('base64')) }
}

function readResult(name: string, answer: string, results: string, member: string): Uint8Array {
  const json = parseJsonObject(answer, `the answer of the key provider ${name}`, 'PROTOCOL')
  const value = (json[results] as Readonly<Record<string, unknown>> | null | undefined)?.[member]
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  if (bytes && bytes.length > 0) return bytes
  throw new TransloadError('PROTOCOL', `the key provider ${name} answered without ${results}.${member}`)
}
