import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A registry in front of another one, for manifests of schema 1 only. Disposing it leaves the other one running. */
export interface Schema1Only extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
}

/** `host` is that of a registry that takes schema 1. */
export async function startSchema1Only(host: string): Promise<Schema1Only> {
  const server = createServer((incoming, response) => {
    const { method = '', url: path = '', headers } = incoming
    const isManifest = method === 'PUT' && path.includes('/manifests/')
    if (isManifest && !headers['content-type']?.includes('.manifest.v1+')) {
      incoming.resume()
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_INVALID', message: 'manifest invalid' }] }))
      return
    }
    const forwarded = request(`http://${host}${path}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('error', () => response.destroy())
    incoming.pipe(forwarded)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
