import { isAbsolute, join, resolve } from 'node:path'

import {
  checkCredentialFiles,
  defaultLookasideUrl,
  lookasideUrl,
  readHostCertificates,
  readKubernetesServer,
  readProxySettings,
  readRootCertificates,
  readTlsDetails,
  registryEndpoints,
  usesSigstoreAttachments,
} from '@transload/config'
import { TransloadError, type DockerReference } from '@transload/contract'
import { addPlugin, createPluginRegistry, type Located, type PluginRegistry } from '@transload/core'
import type { RegistryTransportOptions, RetryOptions } from '@transload/transport-registry'

import { addBuiltinTransports, addBuiltinVerifiers, type BuiltinOptions } from './builtin-plugins.ts'
import type { CommandContext } from './context.ts'
import { openForeignLayers } from './foreign-layers.ts'
import type { ImageAccess } from './options/image-access-options.ts'
import type { RetryValues } from './options/retry-options.ts'
import { prefixError } from './prefix-error.ts'
import { findStoredCredentials } from './stored-credentials.ts'
import { version } from './version.ts'

/** The transports of one side of a command, with the flags of that side. Disposing closes those that were used. */
export interface Side extends AsyncDisposable {
  readonly plugins: PluginRegistry
  /** Throws REFERENCE_INVALID. */
  locate(text: string): Promise<Located>
}

export interface SideOptions extends Omit<
  BuiltinOptions,
  'registry' | 'imageStreams' | 'sharedBlobDirectory' | 'standardInput' | 'readForeignLayer'
> {
  readonly retry?: RetryValues | undefined
  /** Sigstore signatures attached to images in registries are read whatever `registries.d` says. */
  readonly readsAttachments?: boolean | undefined
}

export async function openSide(
  access: ImageAccess,
  context: CommandContext,
  { retry, readsAttachments = false, ...options }: SideOptions = {},
): Promise<Side> {
  const { directory } = context
  const plugins = createPluginRegistry()
  const shared = access.sharedBlobDirectory
  const registry = { ...(await registryOptions(access, context, { readsAttachments })), retry: registryRetries(retry) }
  const foreignLayers = openForeignLayers(registry, access, context)
  addBuiltinTransports(plugins, {
    ...options,
    registry,
    imageStreams: () => readKubernetesServer(context.locations, directory),
    readForeignLayer: (layer, given) => foreignLayers.read(layer, given),
    standardInput: context.stdin,
    sharedBlobDirectory: shared === undefined || isAbsolute(shared) ? shared : join(directory, shared),
  })
  addBuiltinVerifiers(plugins)
  for (const name of pluginNames(context)) await addPlugin(plugins, name, { from: import.meta.url })
  const used = new Set<Located['transport']>()
  return {
    plugins,
    locate: async (text) => {
      if (text.startsWith('ostree:') && !plugins.transports.has('ostree')) throw noOstree()
      const located = await plugins.locate(text, { directory })
      used.add(located.transport)
      return located
    },
    [Symbol.asyncDispose]: async () => {
      for (const transport of used) await transport.close?.()
      await foreignLayers[Symbol.asyncDispose]()
    },
  }
}

/** Other than an unknown transport, it is known to be absent (references.md §2). */
function noOstree(): TransloadError {
  return new TransloadError('REFERENCE_INVALID', 'The transport "ostree:" is not supported in this build')
}

/** What a registry is told and shown, also by `login`, which speaks to one without a transport. */
export async function registryOptions(
  access: ImageAccess,
  context: CommandContext,
  { readsAttachments = false }: Pick<SideOptions, 'readsAttachments'> = {},
): Promise<RegistryTransportOptions> {
  const { locations, globals, directory, registries } = context
  return {
    credentials: async (scope, { signal } = {}) => {
      // What the user said is about the host they named; a mirror is another one.
      if (access.credentials && !scope.isSubstitute) {
        return access.credentials === 'anonymous' ? undefined : access.credentials
      }
      const { authFile } = access
      return (await findStoredCredentials(scope, context, { authFile, signal, prefix: readingCredentials }))
        ?.credentials
    },
    endpoints: async (reference, use) => {
      const [conf] = await Promise.all([
        registries.readConf().catch((error: unknown) => {
          throw prefixError(use === 'read' ? 'loading registries configuration' : readingCredentials, error)
        }),
        registries.readSignatureStorage(),
      ])
      if (!access.credentials) await checkStoredCredentials(reference, access, context)
      return registryEndpoints(conf, reference, use)
    },
    signatureStorage: async ({ policyScopes }) => {
      const config = await registries.readSignatureStorage()
      const fallback = defaultLookasideUrl(locations)
      return {
        lookaside: lookasideUrl(config, policyScopes, 'read') ?? fallback,
        lookasideStaging: lookasideUrl(config, policyScopes, 'write') ?? fallback,
        useSigstoreAttachments: readsAttachments || usesSigstoreAttachments(config, policyScopes),
      }
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

/** A broken credential file fails whatever touches a registry, also one that would not have asked for credentials. */
async function checkStoredCredentials(
  { domain: host, path: repository }: DockerReference,
  { authFile }: ImageAccess,
  { locations, registries }: CommandContext,
): Promise<void> {
  const { credentialHelpers } = await registries.readConf()
  try {
    await checkCredentialFiles({ host, repository }, locations, { authFile, credentialHelpers })
  } catch (error) {
    throw prefixError(readingCredentials, error)
  }
}

/** With --retry-times, also 0, it is the command that tries again, or not, and says so; as skopeo does. */
function registryRetries(retry: RetryValues | undefined): RetryOptions | undefined {
  return retry?.retryTimes === undefined ? undefined : { unavailableAttempts: 1 }
}

/** The packages of `--plugin` and TRANSLOAD_PLUGINS; never looked for in the working directory. */
export function pluginNames({ globals, locations }: CommandContext): readonly string[] {
  const environment = (locations.env['TRANSLOAD_PLUGINS'] ?? '').split(',').map((name) => name.trim())
  return [...new Set([...(globals.plugin ?? []), ...environment.filter(Boolean)])]
}

/** What goes wrong with helpers or files, skopeo finds while it looks for credentials. */
const readingCredentials = 'getting username and password'

export function userAgent(prefix: string | undefined): string {
  const own = `transload/${version}`
  return prefix ? `${prefix} ${own}` : own
}
