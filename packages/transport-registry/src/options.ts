import type { SecureVersion } from 'node:tls'

import { TransloadError, type DockerReference, type ImageReference, type OperationOptions } from '@transload/contract'

import type { ProxySettings } from './http/proxy-choice.ts'

/** What a registry or its token server is shown. Without a `username` an identity token is used as it is. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string; readonly username?: string | undefined }

/**
 * PEM texts. `ca` is added to the system's roots. `cert` and `key` are shown to the registry and its token server when
 * they ask, and never to a host that a redirect or a layer's URL names.
 */
export interface HostCertificates {
  readonly ca?: readonly string[] | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** Roots of trust. */
export interface RootCertificates {
  /** PEM texts. */
  readonly certificates: readonly string[]
  /** In place of Node's and the system's, rather than besides them. */
  readonly replacesSystem?: boolean | undefined
}

/** What TLS may be, in the words of `node:tls`; `groups` is its `ecdhCurve`. What is absent is left to Node. */
export interface TlsDetails {
  readonly minVersion?: SecureVersion | undefined
  readonly ciphers?: string | undefined
  readonly groups?: string | undefined
}

export interface RetryOptions {
  /** Tries of one request, the first included. Default 5 for status 429, and never more than 3 for other failures. */
  readonly attempts?: number | undefined
  /**
   * Tries of a request that is answered with 502, 503 or 504. Default 3; 1 suits who repeats whole operations, and wants
   * to say so each time. A large upload that can go on does so all the same.
   */
  readonly unavailableAttempts?: number | undefined
  /** Longest single wait in milliseconds, whatever the server asks for. Default 60 000. */
  readonly maxDelayMs?: number | undefined
  /** How to wait; tests put a clock of their own here. */
  readonly delay?: ((ms: number, options: OperationOptions) => Promise<void>) | undefined
}

/** Where an image is really asked for, and how: what a `registries.conf` makes of a name. */
export interface RegistryEndpoint {
  readonly reference: DockerReference
  /** Any certificate is good, and plain http will do, unless `verifyTls` says otherwise. */
  readonly insecure?: boolean | undefined
  /** Why nothing may be asked of it: the message of the error then. */
  readonly blocked?: string | undefined
}

/** `read` an image: its endpoints, to be tried in order. `manage` (write, remove, list tags): one of them. */
export type EndpointUse = 'read' | 'manage'

/** What credentials are wanted for. */
export interface CredentialScope {
  /** As in the reference: `docker.io`. */
  readonly host: string
  readonly repository?: string
  /** The user named another host: what is meant for that one alone is not to be given to this one. */
  readonly isSubstitute?: boolean
}

/** Where signatures of the images of a repository are kept: what a `registries.d` says of it. */
export interface SignatureStorage {
  /** Base URL (`file:`, `http:`, `https:`) to read from. */
  readonly lookaside?: string | undefined
  /** Base URL (`file:`) to write to and remove from; absent: `lookaside`. */
  readonly lookasideStaging?: string | undefined
  /** Sigstore signatures are read from, and written to, the `.sig` tag of the image. Default false. */
  readonly useSigstoreAttachments?: boolean | undefined
}

/** All optional. Nothing is read from the environment or from files: apps do that and pass values. */
export interface RegistryTransportOptions {
  /** Credentials for a host and repository. Asked once per repository. */
  readonly credentials?:
    | ((scope: CredentialScope, options?: OperationOptions) => Promise<Credentials | undefined>)
    | undefined
  /**
   * Mirrors and other locations. Asked for each image that is opened; of `read` the first endpoint that has the manifest
   * serves the image, and of `manage` the first counts. Default: every name is asked for as it is.
   */
  readonly endpoints?:
    | ((reference: DockerReference, use: EndpointUse) => Promise<readonly RegistryEndpoint[]>)
    | undefined
  /**
   * Asked when signatures of an image are read, written or removed, with the reference of the endpoint that serves it.
   * Default: there is no lookaside, and attachments are not used.
   */
  readonly signatureStorage?: ((reference: ImageReference) => Promise<SignatureStorage>) | undefined
  /** Sent as the bearer token, without asking a token server; to the host of the reference only. */
  readonly registryToken?: string | undefined
  /** Default: verify, unless an endpoint is `insecure`. `false`: accept any certificate, and fall back to plain HTTP. */
  readonly verifyTls?: boolean | undefined
  /** Certificates for `host[:port]` as in the reference. Asked once per host. */
  readonly certificates?: ((host: string) => Promise<HostCertificates | undefined>) | undefined
  /** For every host. Asked for with the first https connection to each. */
  readonly rootCertificates?: (() => Promise<RootCertificates | undefined>) | undefined
  readonly tlsDetails?: TlsDetails | undefined
  /** Default `transload`. */
  readonly userAgent?: string | undefined
  /** As the environment variables of those names. Loopback is never proxied. */
  readonly proxy?: ProxySettings | undefined
  readonly retry?: RetryOptions | undefined
}

const known: Readonly<Record<keyof RegistryTransportOptions, string>> = {
  credentials: 'function',
  endpoints: 'function',
  signatureStorage: 'function',
  registryToken: 'string',
  verifyTls: 'boolean',
  certificates: 'function',
  rootCertificates: 'function',
  tlsDetails: 'object',
  userAgent: 'string',
  proxy: 'object',
  retry: 'object',
}

/** Throws CONFIG_INVALID for an unknown option or a value of the wrong type. */
export function checkOptions(options: RegistryTransportOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const type = Object.hasOwn(known, name) ? known[name as keyof RegistryTransportOptions] : undefined
    if (type === undefined) {
      throw new TransloadError('CONFIG_INVALID', `docker transport: unknown option ${JSON.stringify(name)}`, {
        hint: `Known options: ${Object.keys(known).join(', ')}.`,
      })
    }
    if (value !== undefined && (typeof value !== type || value === null)) {
      throw new TransloadError('CONFIG_INVALID', `docker transport: option ${name} is not a ${type}`)
    }
  }
}
