import { createHash } from 'node:crypto'

import { digestHex, digestOf } from '@transload/contract'
import { expect, it } from 'vitest'

import { emptyLayer } from './empty-layer.ts'
import { historyFromConfig } from './history-from-config.ts'

const [a, b] = [digestOf(Buffer.from('a')), digestOf(Buffer.from('b'))]

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

const text = JSON.stringify({
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [a, b] },
  z: 1,
  history: [
    { created: '2020-01-01T00:00:00.10Z', created_by: 'ADD <x>', author: 'A', comment: 'c' },
    { created_by: 'ENV', empty_layer: true },
    {},
  ],
})

it('is a chain of images, the newest with the whole config', () => {
  const first = sha256(`${digestHex(a)} `)
  const second = sha256(`${digestHex(emptyLayer.digest)} ${first}`)
  const third = sha256(`${digestHex(b)} ${second} ${text}`)
  expect(historyFromConfig(Buffer.from(text), [a, b])).toEqual({
    architecture: 'amd64',
    layers: [
      {
        digest: a,
        position: 0,
        isThrowaway: false,
        v1Compatibility:
          `{"id":"${first}","comment":"c","created":"2020-01-01T00:00:00.1Z",` +
          String.raw`"container_config":{"Cmd":["ADD \u003cx\u003e"]},"author":"A"}`,
      },
      {
        digest: emptyLayer.digest,
        position: undefined,
        isThrowaway: true,
        v1Compatibility:
          `{"id":"${second}","parent":"${first}","created":"0001-01-01T00:00:00Z",` +
          '"container_config":{"Cmd":["ENV"]},"throwaway":true}',
      },
      {
        digest: b,
        position: 1,
        isThrowaway: false,
        v1Compatibility: `{"architecture":"amd64","id":"${third}","parent":"${second}","z":1}`,
      },
    ],
  })
})

it('says of the newest too that it is empty, and has no parent where there is none', () => {
  const config = Buffer.from('{"history":[{"empty_layer":true}]}')
  const id = sha256(`${digestHex(emptyLayer.digest)}  ${config.toString()}`)
  expect(historyFromConfig(config, []).layers[0]!.v1Compatibility).toBe(`{"id":"${id}","throwaway":true}`)
})

it('leaves out layers it has no history of', () => {
  expect(historyFromConfig(Buffer.from('{"history":[{}]}'), [a, b]).layers.map(({ digest }) => digest)).toEqual([a])
})

it.each([
  ['{}', 'Cannot convert an image with 0 history entries to application/vnd.docker.distribution.manifest.v1+prettyjws'],
  ['{"history":[{},{}]}', 'Invalid image configuration, needs more than the 1 distributed layers'],
])('refuses %s', (config, message) => {
  expect(() => historyFromConfig(Buffer.from(config), [a])).toThrow(
    expect.objectContaining({ code: 'CONVERSION_IMPOSSIBLE', message }),
  )
})

it('has an empty layer that is one', () => {
  expect(digestOf(emptyLayer.bytes)).toBe(emptyLayer.digest)
})
