import { digestOf } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { configFromHistory } from './config-from-history.ts'

// Checked against what skopeo 1.22 makes of such images.
const digest = digestOf(Buffer.from('layer'))

function config(...images: readonly (object | string)[]): string {
  const layers = images.map((image) => {
    const v1Compatibility = typeof image === 'string' ? image : JSON.stringify(image)
    const isThrowaway = (JSON.parse(v1Compatibility) as { throwaway?: boolean }).throwaway === true
    return { digest, isThrowaway, v1Compatibility }
  })
  const diffIds = layers.flatMap(({ isThrowaway }) => (isThrowaway ? [] : ['sha256:x']))
  return Buffer.from(configFromHistory(layers, diffIds)).toString()
}

it('keeps the newest entry as it is written, but for what schema 1 alone has', () => {
  const newest = `{ "id": "b", "parent": "a", "parent_id": "a", "layer_id": "l", "Size": 1, "throwaway": true,
    "z": 1.50, "created": "2016-01-02T03:04:05.600Z", "config": { "Labels": {"10": "<", "9": "x"} } }`
  expect(config({ id: 'a' }, newest)).toBe(
    String.raw`{"config":{"Labels":{"10":"\u003c","9":"x"}},"created":"2016-01-02T03:04:05.600Z",` +
      '"history":[{"created":"0001-01-01T00:00:00Z"},{"created":"2016-01-02T03:04:05.6Z","empty_layer":true}],' +
      '"rootfs":{"type":"layers","diff_ids":["sha256:x"]},"z":1.50}',
  )
})

it('makes the history of all entries', () => {
  const older = {
    author: 'A',
    comment: 'c',
    created: '2016-01-01T00:00:00Z',
    container_config: { Cmd: ['sh', '-c', 'x'] },
  }
  expect(JSON.parse(config(older, { container_config: {} }))).toMatchObject({
    history: [
      { created: '2016-01-01T00:00:00Z', author: 'A', created_by: 'sh -c x', comment: 'c' },
      { created: '0001-01-01T00:00:00Z' },
    ],
  })
})

it('names no DiffIDs when all layers are empty', () => {
  expect(config({ throwaway: true })).toContain('"rootfs":{"type":"layers"}')
})

describe('what Docker wrote before 1.8.3', () => {
  it.each([
    ['1.8.2', true],
    ['1.8.2-fc22', true],
    ['1.7', true],
    ['1.8.3', false],
    ['1.10.0', false],
    ['17.03', false],
    ['', false],
  ])('%s: %s', (docker_version, isCompleted) => {
    expect(config({ docker_version }).includes('"container_config":{"Hostname":""')).toBe(isCompleted)
  })

  it('gets all members Docker knows of, in its order', () => {
    const old = {
      docker_version: '1.7.1',
      custom: 'lost',
      os: 'linux',
      config: {
        Labels: { b: '1', a: '2' },
        Cmd: 'one',
        Env: ['A=1'],
        Volumes: { '/v': { x: 1 } },
        ExposedPorts: { '80/tcp': {} },
        Healthcheck: { Test: ['NONE'], Interval: 30 },
      },
    }
    const none =
      '"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,'
    expect(config(old)).toBe(
      `{"config":{${none}"ExposedPorts":{"80/tcp":{}},"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["A=1"],` +
        '"Cmd":["one"],"Healthcheck":{"Test":["NONE"],"Interval":30},"Image":"","Volumes":{"/v":{}},"WorkingDir":"",' +
        '"Entrypoint":null,"OnBuild":null,"Labels":{"a":"2","b":"1"}},' +
        `"container_config":{${none}"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"",` +
        '"Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null},' +
        '"created":"0001-01-01T00:00:00Z","docker_version":"1.7.1","history":[{"created":"0001-01-01T00:00:00Z"}],' +
        '"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:x"]}}',
    )
  })
})

it('refuses a time that is none', () => {
  expect(() => config({ created: 'yesterday' })).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
})
