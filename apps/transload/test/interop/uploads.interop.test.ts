import { join } from 'node:path'

import { requirePeers } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startFaultyRegistry, type Fault, type SeenRequest } from '../faults/faulty-registry.ts'
import { imageWithLayer, mebibyte } from '../faults/image.ts'
import { writeToLayout } from '../write-image.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

const { image, layer } = imageWithLayer()
let site: Site
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  await writeToLayout(image, join(site.folder, 'app'), '1')
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

const isLargeBody = ({ method, bodyBytes }: SeenRequest): boolean => method !== 'GET' && bodyBytes >= 2 * mebibyte
const isChunk = ({ method }: SeenRequest): boolean => method === 'PATCH'
const tooLarge: Fault = { kind: 'answer', status: 413 }
const reset: Fault = { kind: 'break-request', how: 'reset', afterBytes: mebibyte / 2, arrives: true }

/** Both `go on` where they can; the Docker registry forgets an upload whose body broke off. */
const resumed = /going on with the upload after [1-9]\d* bytes/
const restarted = /trying again \(1\/3\)/

describe.skipIf(missing)('a layer gets there', () => {
  test.each([
    ['docker', 'in one piece that broke off', isLargeBody, reset, 1, restarted],
    ['transload', 'in one piece that broke off', isLargeBody, reset, 1, resumed],
    ['docker', 'in chunks', isLargeBody, tooLarge, Number.POSITIVE_INFINITY, /going on/],
    ['transload', 'in chunks', isLargeBody, tooLarge, Number.POSITIVE_INFINITY, /going on/],
    ['docker', 'in chunks one of which broke off', isChunk, reset, 1, restarted],
    ['transload', 'in chunks one of which broke off', isChunk, reset, 1, resumed],
  ] as const)('%s registry: %s', async (kind, _, concerned, fault, count, said) => {
    const host = site.registries[kind]
    await using registry = await startFaultyRegistry(host)
    const name = `uploads-${site.newPath().split('-').at(-1)}`
    let left: number = count
    registry.inject = (request) => {
      if (concerned === isChunk && isLargeBody(request)) return tooLarge
      return concerned(request) && left-- > 0 ? fault : undefined
    }
    const from = `oci:${join(site.folder, 'app')}:1`
    const { stderr } = await succeeding(site.transload.copy([], from, `docker://${registry.host}/${name}:1`))
    expect(stderr).toMatch(said)
    const there = site.newPath()
    await succeeding(site.skopeo.copy([], `docker://${host}/${name}:1`, `oci:${there}:1`))
    const inspected = await succeeding(site.skopeo.inspect(['--raw'], `oci:${there}:1`))
    expect(inspected.stdout).toContain(layer.digest)
  })
})
