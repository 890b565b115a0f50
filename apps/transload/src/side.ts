import { isAbsolute, join, resolve } from 'node:path'

import {
  findCredentials,
  readHostCertificates,
  readProxySettings,
  readRootCertificates,
  readTlsDetails,
} from '@transload/config'
import { addPlugin, createPluginRegistry, type Located, type PluginRegistry } from '@transload/core'
import type { RegistryTransportOptions } from '@transload/transport-registry'

import { addBuiltinTransports, type BuiltinOptions } from './builtin-plugins.ts'
import type { CommandContext } from './context.ts'
import type { ImageAccess } from './options/image-access-options.ts'
import { version } from './version.ts'

/** The transports of one side of a command, with the flags of that side. Disposing closes those that were used. */
export interface Side extends AsyncDisposable {
  readonly plugins: PluginRegistry
  /** Throws REFERENCE_INVALID. */
  locate(text: string): Promise<Located>
}

export type SideOptions = Omit<BuiltinOptions, 'registry' | 'sharedBlobDirectory' | 'standardInput'>

export async function openSide(access: ImageAccess, context: CommandContext, options: SideOptions = {}): Promise<Side> {
  const { directory } = context
  const plugins = createPluginRegistry()
  const shared = access.sharedBlobDirectory
  addBuiltinTransports(plugins, {
    ...options,
    registry: await registryOptions(access, context),
    standardInput: context.stdin,
    sharedBlobDirectory: shared === undefined || isAbsolute(shared) ? shared : join(directory, shared),
  })
  for (const name of pluginNames(context)) await addPlugin(plugins, name, { from: import.meta.url })
  const used = new Set<Located['transport']>()
  return {
    plugins,
    locate: async (text) => {
      const located = await plugins.locate(text, { directory })
      used.add(located.transport)
      return located
    },
    [Symbol.asyncDispose]: async () => {
      for (const transport of used) await transport.close?.()
    },
  }
}

/** What a registry is told and shown, also by `login`, which speaks to one without a transport. */
export async function registryOptions(access: ImageAccess, context: CommandContext): Promise<RegistryTransportOptions> {
  const { locations, log, globals, directory } = context
  return {
    credentials: async (scope, { signal } = {}) => {
      if (access.credentials === 'anonymous') return undefined
      if (access.credentials) return access.credentials
      const found = await findCredentials(scope, locations, { authFile: access.authFile, log, signal })
      return found?.credentials
    },
    registryToken: access.registryToken,
    verifyTls: access.verifyTls,
    certificates: (host) => readHostCertificates(host, locations, { certDirectory: access.certificateDirectory }),
    rootCertificates: () => readRootCertificates(locations),
    tlsDetails: globals.tlsDetails ? await readTlsDetails(resolve(directory, globals.tlsDetails)) : undefined,
    userAgent: userAgent(globals.userAgentPrefix),
    proxy: readProxySettings(locations.env),
  }
}

/** The packages of `--plugin` and TRANSLOAD_PLUGINS; never looked for in the working directory. */
export function pluginNames({ globals, locations }: CommandContext): readonly string[] {
  const environment = (locations.env['TRANSLOAD_PLUGINS'] ?? '').split(',').map((name) => name.trim())
  return [...new Set([...(globals.plugin ?? []), ...environment.filter(Boolean)])]
}

function userAgent(prefix: string | undefined): string {
  const own = `transload/${version}`
  return prefix ? `${prefix} ${own}` : own
}
