import type {
  Descriptor,
  OperationOptions,
  SignedByRequirement,
  SigstoreSignedRequirement,
  Transport,
} from '@transload/contract'
import { defaultPlatform, type PluginRegistry } from '@transload/core'
import type { RegistryTransportOptions } from '@transload/transport-registry'
import type { ImageStreamServer } from '@transload/transport-registry/atomic'

export interface BuiltinOptions {
  readonly registry: RegistryTransportOptions
  /** Where `atomic:` finds its API. */
  readonly imageStreams: () => Promise<ImageStreamServer>
  readonly sharedBlobDirectory?: string | undefined
  readonly acceptUncompressedLayers?: boolean | undefined
  readonly additionalTags?: readonly string[] | undefined
  /** Reads layers of `oci:` and `oci-archive:` that live elsewhere. */
  readonly readForeignLayer: (layer: Descriptor, options: OperationOptions) => AsyncIterable<Uint8Array>
  /** What `tarball:-` reads. */
  readonly standardInput: AsyncIterable<Uint8Array>
}

interface Builtin {
  readonly packageName: string
  readonly load: (options: BuiltinOptions) => Promise<Transport>
}

/** The transports that come with the program; each loads at its first use. */
export const builtinTransports: Readonly<Record<string, Builtin>> = {
  atomic: {
    packageName: '@transload/transport-registry',
    load: async ({ registry, imageStreams }) =>
      (await import('@transload/transport-registry/atomic')).default({ ...registry, imageStreams }),
  },
  dir: {
    packageName: '@transload/transport-dir',
    load: async () => (await import('@transload/transport-dir')).default(),
  },
  docker: {
    packageName: '@transload/transport-registry',
    load: async ({ registry }) => (await import('@transload/transport-registry')).default(registry),
  },
  'docker-archive': {
    packageName: '@transload/transport-archive',
    load: async ({ additionalTags }) =>
      (await import('@transload/transport-archive/docker-archive')).default({ additionalTags }),
  },
  oci: {
    packageName: '@transload/transport-oci',
    load: async ({ sharedBlobDirectory, acceptUncompressedLayers, readForeignLayer }) =>
      (await import('@transload/transport-oci')).default({
        sharedBlobDirectory,
        acceptUncompressedLayers,
        readForeignLayer,
      }),
  },
  'oci-archive': {
    packageName: '@transload/transport-archive',
    load: async ({ acceptUncompressedLayers, readForeignLayer }) =>
      (await import('@transload/transport-archive/oci-archive')).default({
        acceptUncompressedLayers,
        readForeignLayer,
      }),
  },
  sif: {
    packageName: '@transload/transport-sif',
    load: async () => (await import('@transload/transport-sif')).default(),
  },
  tarball: {
    packageName: '@transload/transport-tarball',
    load: async ({ standardInput }) =>
      (await import('@transload/transport-tarball')).default({ platform: defaultPlatform(), standardInput }),
  },
}

export function addBuiltinTransports(registry: PluginRegistry, options: BuiltinOptions): void {
  for (const [scheme, { packageName, load }] of Object.entries(builtinTransports)) {
    registry.transports.addLazy(scheme, () => load(options), packageName)
  }
}

/** By the type of the policy requirement they are for; each loads when there is a signature to check. */
export function addBuiltinVerifiers({ verifiers }: PluginRegistry): void {
  const packageName = '@transload/signing'
  verifiers.addLazy(
    'signedBy',
    async () => {
      const { createOpenPgpVerifier } = await import('@transload/signing/openpgp')
      return (requirement) => createOpenPgpVerifier(requirement as SignedByRequirement)
    },
    packageName,
  )
  verifiers.addLazy(
    'sigstoreSigned',
    async () => {
      const { createSigstoreVerifier } = await import('@transload/signing/sigstore')
      return (requirement) => createSigstoreVerifier(requirement as SigstoreSignedRequirement)
    },
    packageName,
  )
}
