import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { PackedPackage } from './packed-packages.ts'

export interface PackageRegistry extends AsyncDisposable {
  readonly url: string
}

/** The part of an npm registry that installing needs, on loopback: one version of each package, and nothing else. */
export async function startPackageRegistry(packages: readonly PackedPackage[]): Promise<PackageRegistry> {
  const byName = new Map(packages.map((one) => [one.name, one]))
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    const asked = byName.get(path.replace(/\.tgz$/, ''))
    if (!asked) {
      response.writeHead(404).end('{}')
    } else if (path.endsWith('.tgz')) {
      createReadStream(asked.tarball).pipe(response)
    } else {
      const { name, manifest } = asked
      const version = { ...manifest, dist: { tarball: `http://${request.headers.host}/${name}.tgz` } }
      const document = { name, 'dist-tags': { latest: manifest.version }, versions: { [manifest.version]: version } }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
