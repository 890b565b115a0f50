import { digestOf, encodeJson, mediaTypes, type Descriptor, type Digest } from '@transload/contract'

/** A client of one repository of a registry, as thin as tests of the protocol want it. */
export interface RepositoryClient {
  request(
    method: string,
    path: string,
    init?: { headers?: Record<string, string>; body?: Uint8Array | string },
  ): Promise<Response>
  pushBlob(bytes: Uint8Array | string): Promise<Descriptor>
  putManifest(reference: string, manifest: unknown, mediaType?: string): Promise<Response>
  /** An image with a config and one layer that `seed` makes its own; `manifest` may add to it. */
  pushImage(reference: string | undefined, seed: string, manifest?: object): Promise<PushedImage>
}

export interface PushedImage {
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly config: Descriptor
  readonly layer: Descriptor
  readonly response: Response
}

/** `path`s are relative to `/v2/NAME/`, unless they begin with a slash. */
export function repositoryClient(url: string, name: string, headers: Record<string, string> = {}): RepositoryClient {
  const client: RepositoryClient = {
    request: (method, path, init = {}) =>
      fetch(`${url}${path.startsWith('/') ? '' : `/v2/${name}/`}${path}`, {
        method,
        headers: { ...headers, ...init.headers },
        body: init.body === undefined ? null : Buffer.from(init.body),
      }),
    async pushBlob(content) {
      const bytes = Buffer.from(content)
      const digest = digestOf(bytes)
      const { status } = await client.request('POST', `blobs/uploads/?digest=${digest}`, { body: bytes })
      if (status !== 201) throw new Error(`pushing ${digest}: ${status}`)
      return { mediaType: mediaTypes.ociLayer, digest, size: bytes.length }
    },
    putManifest: (reference, manifest, mediaType = mediaTypes.ociManifest) =>
      client.request('PUT', `manifests/${reference}`, {
        headers: { 'content-type': mediaType },
        body: manifest instanceof Uint8Array ? manifest : encodeJson(manifest),
      }),
    async pushImage(reference, seed, manifest = {}) {
      const config = { ...(await client.pushBlob(encodeJson({ seed }))), mediaType: mediaTypes.ociConfig }
      const layer = await client.pushBlob(`layer of ${seed}`)
      const json = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer], ...manifest }
      const bytes = Buffer.from(encodeJson(json))
      const digest = digestOf(bytes)
      return { digest, bytes, config, layer, response: await client.putManifest(reference ?? digest, bytes) }
    },
  }
  return client
}

/** `errors[0].code` of an error answer. */
export async function errorCode(response: Response): Promise<string | undefined> {
  const body = (await response.json()) as { errors: { code: string }[] }
  return body.errors[0]?.code
}
