import { closeSync } from 'node:fs'

import type { Descriptor } from '@transload/contract'
import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readDescriptor, startImageProxy, type ImageProxyClient } from '../image-proxy-client.ts'
import { program } from '../run-cli.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

let site: Site
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  await succeeding(site.skopeo.copy([], testImage('repeated'), `docker://${site.registries.docker}/app:v1`))
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

type Answer = Readonly<Record<string, unknown>>

/** What a client learns, without the numbers of pipes, which are descriptors. */
type Dialogue = (proxy: ImageProxyClient) => Promise<readonly unknown[]>

async function inBoth(dialogue: Dialogue): Promise<{ readonly ours: unknown; readonly theirs: unknown }> {
  const words = ['--insecure-policy', 'experimental-image-proxy', '--sockfd', '3', '--tls-verify=false']
  const run = async (command: string, before: readonly string[]): Promise<unknown> => {
    await using proxy = startImageProxy(command, [...before, ...words], {
      cwd: site.folder,
      env: { HOME: site.folder },
    })
    const answers = await dialogue(proxy)
    return [...answers, await proxy.end()]
  }
  return { ours: await run(process.execPath, [program]), theirs: await run(peer('skopeo').command, []) }
}

function packetOf({ packet }: { readonly packet: Answer }): Answer {
  return { ...packet, pipeid: packet['pipeid'] === 0 ? 0 : 'a pipe' }
}

async function fetched(proxy: ImageProxyClient, method: string, ...args: readonly unknown[]): Promise<unknown> {
  const { reply, payload, finished } = await proxy.fetch(method, ...args)
  return [packetOf(reply), payload.toString('base64'), packetOf(finished)]
}

describe.skipIf(missing)(`the proxy answers what skopeo's answers ${missing ?? ''}`, () => {
  const names = ['docker', 'index-docker', 'index-oci', 'zstd', 'repeated'] as const
  test.each([...names, 'registry'] as const)('of an image: %s', async (name) => {
    const image = name === 'registry' ? `docker://${site.registries.docker}/app:v1` : testImage(name)
    const { ours, theirs } = await inBoth(async (proxy) => {
      const answers: unknown[] = [
        packetOf(await proxy.call('Initialize')),
        packetOf(await proxy.call('OpenImage', image)),
      ]
      for (const method of ['GetManifest', 'GetFullConfig', 'GetConfig', 'GetLayerInfoPiped']) {
        answers.push(await fetched(proxy, method, 1))
      }
      const info = await proxy.call('GetLayerInfo', 1)
      const [layer] = (info.value as readonly Descriptor[]).toSorted((a, b) => a.size! - b.size!)
      answers.push(packetOf(info), await fetched(proxy, 'GetBlob', 1, layer!.digest, layer!.size))
      answers.push(await fetched(proxy, 'GetBlob', 1, layer!.digest, layer!.size! + 1))
      const raw = await proxy.call('GetRawBlob', 1, layer!.digest)
      const payloads = await Promise.all(raw.descriptors.map(readDescriptor))
      answers.push(packetOf(raw), ...payloads.map((payload) => payload.toString('base64')))
      return [...answers, packetOf(await proxy.call('CloseImage', 1))]
    })
    expect(ours).toEqual(theirs)
  })

  test('of a blob nobody wants to the end', async () => {
    const { ours, theirs } = await inBoth(async (proxy) => {
      await proxy.call('Initialize')
      await proxy.call('OpenImage', testImage('docker'))
      const layers = (await proxy.call('GetLayerInfo', 1)).value as readonly Descriptor[]
      const { digest, size } = layers.toSorted((a, b) => b.size! - a.size!)[0]!
      const blob = await proxy.call('GetBlob', 1, digest, size)
      closeSync(blob.descriptors[0]!)
      const finished = packetOf(await proxy.call('FinishPipe', blob.pipeId))
      const raw = await proxy.call('GetRawBlob', 1, digest)
      closeSync(raw.descriptors[0]!)
      return [finished, packetOf(raw), (await readDescriptor(raw.descriptors[1]!)).toString()]
    })
    expect(ours).toEqual(theirs)
  })

  test('of mistakes', async () => {
    const { ours, theirs } = await inBoth(async (proxy) => {
      const answers: unknown[] = []
      const absent = `docker://${site.registries.docker}/app:absent`
      for (const [method, ...args] of [
        ['GetManifest', 1],
        ['Bogus'],
        ['Initialize', 1],
        ['Initialize'],
        ['Initialize'],
        ['OpenImage'],
        ['OpenImage', 5],
        ['OpenImage', {}],
        ['OpenImage', 'foo'],
        ['OpenImageOptional', absent],
        ['CloseImage', 0],
        ['CloseImage', 99],
        ['CloseImage', 'x'],
        ['CloseImage', null],
        ['CloseImage', 2 ** 60],
        ['CloseImage'],
        ['OpenImage', testImage('docker')],
        ['GetLayerInfo', 1.5],
        ['GetBlob', 1],
        ['GetRawBlob', 1],
        ['GetBlob', 1, `sha256:${'0'.repeat(64)}`, 5],
        ['FinishPipe', 12345],
        ['FinishPipe', 'x'],
      ] as const) {
        answers.push(packetOf(await proxy.call(method, ...args)))
      }
      return answers
    })
    expect(ours).toEqual(theirs)
  })
})
