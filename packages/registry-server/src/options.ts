import type { Log } from '@transload/contract'

import type { Action } from './auth/scope.ts'

/** Who may do what. Without it everybody may do everything. */
export interface RegistryAuth {
  /** Users: the text of an htpasswd file with bcrypt (`htpasswd -B`) or `{SHA}` (`htpasswd -s`) hashes. */
  readonly htpasswd: string
  /** How clients prove who they are. `basic` (default): with every request; `token`: at `/token`, for short-lived tokens. */
  readonly scheme?: 'basic' | 'token' | undefined
  /** Anybody may pull. Default false. */
  readonly anonymousPull?: boolean | undefined
  /** Narrows what a user may do; `user` is undefined for anonymous pulls. Default: everything. */
  readonly permits?: ((user: string | undefined, action: Action, repository: string) => boolean) | undefined
  /** Of `token`: how long an access token lasts. Default five minutes. */
  readonly tokenLifetimeMs?: number | undefined
}

export interface RegistryOptions {
  /** The OCI layout that is served, made by the first push if there is none. */
  readonly directory: string
  /**
   * The repository that images without one in their name belong to (`oci:DIR:v1`, `oci:DIR`). Default: the
   * directory's own name where that is a repository name, else `image`.
   */
  readonly defaultRepository?: string | undefined
  readonly auth?: RegistryAuth | undefined
  /** Keep signatures of manifests, as the `X-Registry-Supports-Signatures` extension has it. Default false. */
  readonly signatures?: boolean | undefined
  /** Nothing can be changed through the registry. Default false. */
  readonly readOnly?: boolean | undefined
  /** An upload nobody continued for this long is dropped. Default one hour. */
  readonly uploadExpiryMs?: number | undefined
  /** Uploads open at once, over all repositories. Default 1000. */
  readonly maxUploads?: number | undefined
  /** Default: nowhere. One `debug` line a request. */
  readonly log?: Log | undefined
}

export interface RegistryServerOptions extends RegistryOptions {
  /** The address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default: any that is free. */
  readonly port?: number | undefined
  /** Serve HTTPS; PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** A connection on which nothing moves for this long is closed. Default one minute. */
  readonly idleTimeoutMs?: number | undefined
}
