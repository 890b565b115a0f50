import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

import { digestOf, mediaTypes, parseManifest, type Descriptor } from '@transload/contract'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import {
  fixtureImage,
  fixtureIndex,
  fixtureLayer,
  patternLayer,
  streamedLayer,
} from '@transload/transport-conformance/fixtures'
import { generateKey } from 'openpgp'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { readDescriptor, startImageProxy, type ImageProxyClient } from '../image-proxy-client.ts'
import { createUser, program, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const single = fixtureImage({ format: 'docker', command: ['/bin/fixture'] })
const list = fixtureIndex('oci', 'gzip', ['/bin/fixture'])
const firstLayer = layersOf(single.root)[0]!

let user: User
let registry: RegistryServer
let images: { readonly single: string; readonly list: string; readonly absent: string }
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  await writeToLayout(single, join(user.home, 'images'), 'single')
  await writeToLayout(list, join(user.home, 'images'), 'list')
  const place = `docker://${registry.host}/app`
  images = { single: `${place}:single`, list: `${place}:list`, absent: `${place}:absent` }
  await user.succeed(['copy', '-q', '--dest-tls-verify=false', 'oci:images:single', images.single])
  await user.succeed(['copy', '-q', '--all', '--dest-tls-verify=false', 'oci:images:list', images.list])
})
afterAll(async () => {
  await registry.close()
  await user[Symbol.asyncDispose]()
})

let proxy: ImageProxyClient
beforeEach(() => {
  proxy = start()
})
afterEach(() => proxy[Symbol.asyncDispose]())

function start(words: readonly string[] = ['--override-arch', 'amd64']): ImageProxyClient {
  const command = ['experimental-image-proxy', '--sockfd', '3', '--tls-verify=false', ...words]
  return startImageProxy(process.execPath, [program, ...command], {
    cwd: user.home,
    env: { HOME: user.home, XDG_RUNTIME_DIR: join(user.home, 'run') },
  })
}

function layersOf(root: typeof single.root): readonly Descriptor[] {
  const manifest = parseManifest(root)
  return manifest.kind === 'image' ? manifest.layers : []
}

async function opened(name: string): Promise<unknown> {
  await proxy.call('Initialize')
  const { value, error } = await proxy.call('OpenImage', name)
  expect(error).toBe('')
  return value
}

it('PRX-01: the version', async () => {
  expect((await proxy.call('Initialize')).packet).toEqual({
    success: true,
    value: '0.2.8',
    pipeid: 0,
    error_code: '',
    error: '',
  })
})

it.each(['single', 'list'] as const)('PRX-02, PRX-03, PRX-08: opening and closing, %s image', async (name) => {
  expect(await opened(images[name])).toBe(1)
  expect((await proxy.call('OpenImageOptional', images[name])).value).toBe(2)
  for (const id of [2, 1]) {
    expect(await proxy.call('CloseImage', id)).toMatchObject({ success: true, value: null, descriptors: [] })
  }
  expect(await proxy.call('CloseImage', 1)).toMatchObject({ success: false, error: 'no image 1', errorCode: 'other' })
  expect((await proxy.call('OpenImage', images[name])).value).toBe(3)
})

describe.each(['single', 'list'] as const)('of the %s image', (name) => {
  it('PRX-04: the manifest, in OCI form', async () => {
    const { reply, payload, finished } = await proxy.fetch('GetManifest', await opened(images[name]))
    expect(JSON.parse(payload.toString())).toMatchObject({ config: { mediaType: mediaTypes.ociConfig } })
    expect(reply.value).toBe(name === 'single' ? single.root.digest : list.children[0]!.digest)
    expect(finished).toMatchObject({ success: true, value: null })
  })

  it('PRX-05, PRX-07: the config, all of it and what a container is run with', async () => {
    const id = await opened(images[name])
    const full = await proxy.fetch('GetFullConfig', id)
    const config = JSON.parse(full.payload.toString()) as { readonly config: unknown }
    const run = await proxy.fetch('GetConfig', id)
    expect(config).toMatchObject({ architecture: 'amd64', os: 'linux', config: { Cmd: ['/bin/fixture'] } })
    expect(JSON.parse(run.payload.toString())).toEqual(config.config)
  })

  it('PRX-06: the layers', async () => {
    const id = await opened(images[name])
    const { payload } = await proxy.fetch('GetLayerInfoPiped', id)
    const layers = layersOf(name === 'single' ? single.root : list.children[0]!)
    const told = layers.map(({ digest, size, mediaType }) => ({ digest, size, media_type: mediaType }))
    expect(JSON.parse(payload.toString())).toEqual(told)
    expect((await proxy.call('GetLayerInfo', id)).value).toEqual(told)
  })
})

it('PRX-09: an image that is not there', async () => {
  await proxy.call('Initialize')
  expect(await proxy.call('OpenImageOptional', images.absent)).toMatchObject({ success: true, value: 0 })
  expect(await proxy.call('OpenImage', images.absent)).toMatchObject({ success: false, errorCode: 'other' })
})

it('PRX-10: raw blobs', async () => {
  const id = await opened(images.list)
  for (const { digest, size } of layersOf(list.children[0]!)) {
    const reply = await proxy.call('GetRawBlob', id, digest)
    expect(reply).toMatchObject({ success: true, value: size, pipeId: 0 })
    const [data, errors] = await Promise.all(reply.descriptors.map(readDescriptor))
    expect(digestOf(data!)).toBe(digest)
    expect(errors).toHaveLength(0)
  }
})

it('PRX-11: a raw blob that is not there', async () => {
  const id = await opened(images.list)
  const reply = await proxy.call('GetRawBlob', id, `sha256:${'0'.repeat(64)}`)
  expect(reply).toMatchObject({ success: false, descriptors: [] })
})

it('PRX-12: a pipe is one descriptor', async () => {
  const id = await opened(images.single)
  for (const [method, ...args] of [
    ['GetManifest'],
    ['GetFullConfig'],
    ['GetConfig'],
    ['GetLayerInfoPiped'],
    ['GetBlob', firstLayer.digest, firstLayer.size],
  ]) {
    const { reply } = await proxy.fetch(method as string, id, ...args)
    expect(reply.pipeId).toBeGreaterThan(0)
    expect(reply.descriptors).toHaveLength(1)
  }
})

describe('a policy that rejects everything', () => {
  beforeEach(async () => {
    await proxy.end()
    const path = join(user.home, 'reject.json')
    await writeFile(path, JSON.stringify({ default: [{ type: 'reject' }] }))
    proxy = start(['--policy', path])
    await proxy.call('Initialize')
  })

  it('PRX-13: nothing is opened', async () => {
    for (const name of [images.single, images.list]) {
      const { error } = await proxy.call('OpenImage', name)
      expect(error).toContain('is rejected by policy')
    }
  })

  it('PRX-14: what is not there is still not there', async () => {
    expect(await proxy.call('OpenImageOptional', images.absent)).toMatchObject({ success: true, value: 0 })
  })
})

describe('a policy that asks for a signature', () => {
  const lists = ['oflist', 'ofimage', 'none']

  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: 'Ann' }], format: 'armored' })
    await writeFile(join(user.home, 'ann.key'), privateKey)
    await writeFile(join(user.home, 'ann.pub'), publicKey)
    const lookaside = join(user.home, 'lookaside')
    await writeFile(join(user.home, 'lookaside.yaml'), `default-docker:\n  lookaside: file://${lookaside}\n`)
    const rule = { type: 'signedBy', keyType: 'GPGKeys', keyPath: join(user.home, 'ann.pub') }
    const policy = { default: [{ ...rule, signedIdentity: { type: 'matchRepository' } }] }
    await writeFile(join(user.home, 'signed.json'), JSON.stringify(policy))
    const globals = ['--registries.d', '.', '--override-arch', 'amd64']
    const copy = async (name: string, ...flags: readonly string[]): Promise<string> => {
      const place = `docker://${registry.host}/${name}`
      return await user.succeed([
        ...globals,
        'copy',
        '-q',
        '--dest-tls-verify=false',
        ...flags,
        'oci:images:list',
        place,
      ])
    }
    for (const name of lists) await copy(`${name}:list`, '--all')
    await copy('oflist:list', '--multi-arch=index-only', '--sign-by-key-file', 'ann.key')
    await copy('ofimage:amd64', '--sign-by-key-file', 'ann.key')
  })

  it('opens a list that is signed, or whose image is, and shows the image', async () => {
    await proxy.end()
    proxy = start(['--policy', 'signed.json', '--registries.d', '.', '--override-arch', 'amd64'])
    await proxy.call('Initialize')
    const replies = await Promise.all(
      lists.map((name) => proxy.call('OpenImage', `docker://${registry.host}/${name}:list`)),
    )
    expect(replies).toMatchObject([
      { success: true },
      { success: true },
      { success: false, error: expect.stringContaining('no signature exists') },
    ])
  })
})

it('is started as the clients in the field start it: on the standard input, with global flags behind the name', async () => {
  await proxy.end()
  const flags = ['--debug', '--authfile', '/proc/self/fd/100', '--tls-verify=false', '--user-agent-prefix', 'client/1']
  proxy = startImageProxy(process.execPath, [program, 'experimental-image-proxy', ...flags], {
    cwd: user.home,
    env: { HOME: user.home, XDG_RUNTIME_DIR: join(user.home, 'run') },
    descriptor: 0,
  })
  const { reply } = await proxy.fetch('GetManifest', await opened('oci:images:single'))
  expect(reply.value).toBe(single.root.digest)
  proxy.send('{"method":"Shutdown"}')
  expect((await proxy.end()).code).toBe(0)
})

it('OBS-29: Shutdown has no reply', async () => {
  await proxy.call('Initialize')
  proxy.send('{"method":"Shutdown","args":[]}')
  expect(await proxy.receive()).toBeUndefined()
  expect(await proxy.end()).toEqual({ code: 0, stderr: '' })
})

it('OBS-30: the digest of an index is that of the chosen image', async () => {
  await proxy.end()
  proxy = start(['--override-arch', 'arm64'])
  const { reply } = await proxy.fetch('GetManifest', await opened(images.list))
  expect(reply.value).toBe(list.children[1]!.digest)
})

it('OBS-31: a request that is too long', async () => {
  proxy.send(JSON.stringify({ method: 'Initialize', args: ['x'.repeat(33_000)] }))
  expect(await proxy.receive()).toMatchObject({ success: false, error: expect.stringMatching(/^invalid request: /) })
  expect((await proxy.call('Initialize')).value).toBe('0.2.8')
})

it('ends well when the client is gone', async () => {
  await proxy.call('Initialize')
  expect(await proxy.end()).toEqual({ code: 0, stderr: '' })
})

it('ends when told to, also while it waits for the client', async () => {
  await proxy.call('Initialize')
  proxy.child.kill('SIGTERM')
  expect(await once(proxy.child, 'exit')).toEqual([143, null])
})

it('says what a blob is not, when the client finishes it', async () => {
  const id = await opened(images.single)
  const { payload, finished } = await proxy.fetch('GetBlob', id, firstLayer.digest, firstLayer.size! + 1)
  expect(payload).toHaveLength(firstLayer.size!)
  expect(finished.error).toBe(`expected ${firstLayer.size! + 1} bytes in blob, got ${firstLayer.size}`)
})

describe('a layer larger than a pipe', () => {
  const name = 'oci:images:large'
  let layer: Descriptor
  beforeAll(async () => {
    const large = await streamedLayer(() => patternLayer(3 * 1024 * 1024))
    const image = fixtureImage({ layers: [large, fixtureLayer('small')] })
    layer = layersOf(image.root)[0]!
    await writeToLayout(image, join(user.home, 'images'), 'large')
  })

  it('is written while other requests are answered', async () => {
    const id = await opened(name)
    const blobs = [
      await proxy.call('GetBlob', id, layer.digest, layer.size),
      await proxy.call('GetBlob', id, layer.digest, layer.size),
    ]
    expect((await proxy.call('GetLayerInfo', id)).success).toBe(true)
    for (const { pipeId, descriptors } of blobs) {
      const [payload, finished] = await Promise.all([readDescriptor(descriptors[0]!), proxy.call('FinishPipe', pipeId)])
      expect(digestOf(payload)).toBe(layer.digest)
      expect(finished.success).toBe(true)
    }
  })

  it('is not wanted any more', async () => {
    const id = await opened(name)
    const { pipeId, descriptors } = await proxy.call('GetBlob', id, layer.digest, layer.size)
    closeSync(descriptors[0]!)
    expect(await proxy.call('FinishPipe', pipeId)).toMatchObject({ errorCode: 'EPIPE', error: 'write |1: broken pipe' })
    const raw = await proxy.call('GetRawBlob', id, layer.digest)
    closeSync(raw.descriptors[0]!)
    const told = await readDescriptor(raw.descriptors[1]!)
    expect(JSON.parse(told.toString())).toEqual({ code: 'EPIPE', message: 'write |1: broken pipe' })
  })

  it('does not keep it from being told to end, although nobody reads it', async () => {
    const id = await opened(name)
    const { pipeId, descriptors } = await proxy.call('GetBlob', id, layer.digest, layer.size)
    proxy.send(JSON.stringify({ method: 'FinishPipe', args: [pipeId] }))
    proxy.child.kill('SIGTERM')
    expect(await once(proxy.child, 'exit')).toEqual([143, null])
    closeSync(descriptors[0]!)
  })

  it('does not keep it from ending', async () => {
    const id = await opened(name)
    const { descriptors } = await proxy.call('GetBlob', id, layer.digest, layer.size)
    expect(await proxy.end()).toEqual({ code: 0, stderr: '' })
    closeSync(descriptors[0]!)
  })
})

it.each([
  ['a file', '5', 'getsockopt: socket operation on non-socket'],
  ['nothing', '199', 'fcntl: bad file descriptor'],
])('is told to use %s', async (_, descriptor, problem) => {
  const path = join(user.home, 'not-a-socket')
  await writeFile(path, '')
  const shell = `exec "$0" "$1" experimental-image-proxy --sockfd ${descriptor} 5<${path}`
  const child = spawn('sh', ['-c', shell, process.execPath, program], { env: { HOME: user.home } })
  expect((await buffer(child.stderr)).toString()).toContain(`file file+net sock: ${problem}`)
})
