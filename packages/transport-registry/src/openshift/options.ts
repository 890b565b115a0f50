import type { RegistryTransportOptions } from '../options.ts'

/** A server of OpenShift's API, and who asks it: what a kubeconfig says. PEM texts. */
export interface ImageStreamServer {
  readonly url: string
  readonly token?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** In addition to the roots. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Any certificate is good. */
  readonly insecure?: boolean | undefined
}

export interface AtomicTransportOptions extends RegistryTransportOptions {
  /** Asked at the first use. */
  readonly imageStreams: () => Promise<ImageStreamServer>
}
