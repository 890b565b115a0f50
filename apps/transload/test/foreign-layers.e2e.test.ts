import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { collect, digestHex, digestOf } from '@transload/contract'
import { fixtureImage, fixtureLayer, foreignLayer } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from './run-cli.ts'
import { writeToLayout } from './write-image.ts'

let user: User
let server: Server
let requests: IncomingMessage[]
let url: string
/** What the server has under each path. */
const content = fixtureLayer('foreign', 'gzip')
beforeEach(async () => {
  user = await createUser()
  requests = []
  const bytes = await collect(content.open!())
  server = createServer((request, response) => {
    requests.push(request)
    if (request.url === '/layer') response.end(bytes)
    else if (request.url === '/moved') response.writeHead(302, { location: '/layer' }).end()
    else if (request.url === '/wrong') response.end(Buffer.alloc(bytes.length))
    else if (request.url === '/endless') response.write(Buffer.alloc(1024 * 1024))
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await user[Symbol.asyncDispose]()
})

async function writeImage(path: string): Promise<ReturnType<typeof fixtureImage>> {
  const image = fixtureImage({ layers: [foreignLayer(`${url}${path}`), fixtureLayer('own')] })
  await writeToLayout(image, join(user.home, 'images'), 'v1')
  return image
}

const copy = ['copy', '-q', '--src-creds', 'user:secret']

describe.each(['/layer', '/moved'])('a layer of a layout that lives at %s', (path) => {
  it('is fetched where layers cannot live elsewhere, without credentials', async () => {
    const { root } = await writeImage(path)
    await user.succeed([...copy, 'oci:images:v1', 'dir:out'])
    expect(digestOf(await readFile(join(user.home, 'out', digestHex(content.digest))))).toBe(content.digest)
    expect(await readFile(join(user.home, 'out/manifest.json'))).toEqual(Buffer.from(root.bytes))
    expect(requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([])
    expect(requests[0]!.url).toBe(path)
  })

  it('is fetched out of an archive too, and left where it is otherwise', async () => {
    await writeImage(path)
    await user.succeed([...copy, 'oci:images:v1', 'oci-archive:archive.tar:v1'])
    await user.succeed([...copy, 'oci:images:v1', 'oci:others:v1'])
    expect(requests).toEqual([])
    expect(await readdir(join(user.home, 'others/blobs/sha256'))).not.toContain(digestHex(content.digest))
    await user.succeed([...copy, 'oci-archive:archive.tar:v1', 'dir:out'])
    expect(await readdir(join(user.home, 'out'))).toContain(digestHex(content.digest))
  })
})

it.each([
  ['/wrong', `Digest did not match, expected ${content.digest}`],
  ['/endless', 'Size of '],
  ['/absent', 'failed fetching external blob from all urls: http://127.0.0.1'],
])('fails when %s is no such layer', async (path, message) => {
  await writeImage(path)
  const outcome = await user.run([...copy, 'oci:images:v1', 'dir:out'])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toContain(message)
  expect(await readdir(user.home)).not.toContain('out')
})
