import { isAbsolute, resolve } from 'node:path'

import { parseJsonObject, TransloadError, type OperationOptions } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import type { Locations } from './locations.ts'
import { readProgramOutput } from './run-program.ts'

/** Hands a request to a key provider and returns its answer, both JSON (ocicrypt's key provider protocol). */
export type KeyProviderProgram = (request: string, options?: OperationOptions) => Promise<string>

const maxAnswerBytes = 4 * 1024 * 1024

/**
 * The key providers of the file that OCICRYPT_KEYPROVIDER_CONFIG names, relative to `directory`; none without one. A
 * provider runs a program for each request; one that is reached by gRPC throws UNSUPPORTED when it is used. Throws
 * CONFIG_INVALID.
 */
export async function readKeyProviders(
  { env }: Pick<Locations, 'env'>,
  directory: string,
): Promise<Readonly<Record<string, KeyProviderProgram>>> {
  const name = env['OCICRYPT_KEYPROVIDER_CONFIG']
  if (!name) return {}
  const file = isAbsolute(name) ? name : resolve(directory, name)
  const text = await readConfigFile(file)
  if (text === undefined) return {}
  const problem = `Error while parsing keyprovider config file: ${file}`
  const providers = parseJsonObject(text, problem, 'CONFIG_INVALID')['key-providers'] ?? {}
  if (typeof providers !== 'object' || Array.isArray(providers)) {
    throw new TransloadError('CONFIG_INVALID', `${problem}: key-providers is not an object`)
  }
  return Object.fromEntries(Object.entries(providers).map(([key, value]) => [key, providerProgram(key, value, env)]))
}

function providerProgram(name: string, settings: unknown, env: Locations['env']): KeyProviderProgram {
  const { cmd } = (settings ?? {}) as { readonly cmd?: unknown }
  if (cmd === undefined) {
    return () => {
      throw new TransloadError(
        'UNSUPPORTED',
        `key provider ${JSON.stringify(name)}: only programs (cmd) can be asked`,
        {
          hint: 'Providers that are reached by gRPC or ttrpc are not supported.',
        },
      )
    }
  }
  const { path, args = [] } = (cmd ?? {}) as { readonly path?: unknown; readonly args?: unknown }
  const isList = Array.isArray(args) && args.every((argument) => typeof argument === 'string')
  if (typeof path !== 'string' || path === '' || !isList) {
    throw new TransloadError('CONFIG_INVALID', `key provider ${JSON.stringify(name)}: cmd has to have a path, and args`)
  }
  return async (input, { signal } = {}) =>
    (await readProgramOutput(path, args, { env, input, maxBytes: maxAnswerBytes, signal })).toString()
}
