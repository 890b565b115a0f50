import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

import { acceptedManifestTypes, digestOf } from '@transload/contract'

/** What of OpenShift's API `atomic:` needs, over a registry with the signature extension. Disposing ends it. */
export interface OpenShiftApi extends AsyncDisposable {
  readonly url: string
}

/**
 * As in a cluster: a tag of an image stream is a tag of the registry, and the signatures of an image are the registry's.
 * `registry` is its `HOST:PORT`.
 */
export async function startOpenShiftApi(registry: string): Promise<OpenShiftApi> {
  /** By digest of the image. */
  const streams = new Map<string, string>()
  const readSignatures = async (stream: string, image: string): Promise<readonly RegistrySignature[]> => {
    const response = await fetch(`http://${registry}/extensions/v2/${stream}/signatures/${image}`)
    return response.ok ? ((await response.json()) as { signatures: RegistrySignature[] }).signatures : []
  }
  const answer = async (request: IncomingMessage): Promise<readonly [status: number, body: unknown]> => {
    const path = request.url ?? ''
    const stream = /^\/oapi\/v1\/namespaces\/([^/]+)\/imagestreams\/([^/]+)$/.exec(path)
    if (stream) {
      const repository = `${stream[1]}/${stream[2]}`
      return [200, { status: { tags: await readTags(registry, repository) } }]
    }
    const image = /^\/oapi\/v1\/namespaces\/([^/]+)\/imagestreamimages\/([^/@]+)@([^/]+)$/.exec(path)
    if (image) {
      const [, namespace, name, digest = ''] = image
      streams.set(digest, `${namespace}/${name}`)
      const signatures = await readSignatures(`${namespace}/${name}`, digest)
      return [
        200,
        {
          image: {
            signatures: signatures.map(({ name: own, type, content }) => ({ metadata: { name: own }, type, content })),
          },
        },
      ]
    }
    if (request.method === 'POST' && path === '/oapi/v1/imagesignatures') {
      const { metadata, type, content } = (await json(request)) as Omit<RegistrySignature, 'name'> & {
        readonly metadata: { readonly name: string }
      }
      const [digest = ''] = metadata.name.split('@')
      const target = `http://${registry}/extensions/v2/${streams.get(digest)}/signatures/${digest}`
      const body = JSON.stringify({ schemaVersion: 2, name: metadata.name, type, content })
      return [(await fetch(target, { method: 'PUT', body })).status, {}]
    }
    return [404, { status: 'Failure', message: `${path} is not there` }]
  }
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [status, body] = await answer(request)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Only that server, and nobody in particular. */
export function kubeconfigFor({ url }: OpenShiftApi): string {
  return JSON.stringify({
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test' } }],
    clusters: [{ name: 'test', cluster: { server: url } }],
  })
}

interface RegistrySignature {
  readonly name: string
  readonly type: string
  readonly content: string
}

async function readTags(registry: string, repository: string): Promise<readonly unknown[]> {
  const api = `http://${registry}/v2/${repository}`
  const response = await fetch(`${api}/tags/list`)
  const { tags = [] } = response.ok ? ((await response.json()) as { tags?: string[] }) : {}
  return await Promise.all(
    tags.map(async (tag) => {
      const manifest = await fetch(`${api}/manifests/${tag}`, { headers: { accept: acceptedManifestTypes.join(', ') } })
      const image = digestOf(new Uint8Array(await manifest.arrayBuffer()))
      // Inside of the cluster the registry has another address.
      return { tag, items: [{ image, dockerImageReference: `172.30.1.1:5000/${repository}:${tag}` }] }
    }),
  )
}
