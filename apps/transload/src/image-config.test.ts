import { encodeJson } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { parseDockerVersion, parseImageConfig } from './image-config.ts'

function parse(config: unknown): ReturnType<typeof parseImageConfig> {
  return parseImageConfig(Buffer.from(JSON.stringify(config)))
}

describe('parseImageConfig', () => {
  it('keeps what OCI has, in its order, and drops the rest', () => {
    const config = parse({
      docker_version: '20.10',
      container: 'x',
      os: 'linux',
      architecture: 'arm64',
      variant: 'v8',
      created: '2024-01-02T03:04:05.100Z',
      history: [{ empty_layer: true, created_by: 'x', created: '2024-01-02T03:04:05Z' }],
      rootfs: { diff_ids: ['sha256:aa'], type: 'layers' },
      config: {
        Hostname: 'gone',
        Volumes: { '/b': {}, '/a': null },
        Labels: { z: '1', a: '2' },
        Env: ['A=1'],
        Cmd: null,
        Entrypoint: [],
        ArgsEscaped: true,
        User: '',
      },
    })
    expect(encodeJson(config)).toBe(
      '{"created":"2024-01-02T03:04:05.1Z","architecture":"arm64","os":"linux","variant":"v8",' +
        '"config":{"Env":["A=1"],"Volumes":{"/a":{},"/b":{}},"Labels":{"a":"2","z":"1"},"ArgsEscaped":true},' +
        '"rootfs":{"type":"layers","diff_ids":["sha256:aa"]},' +
        '"history":[{"created":"2024-01-02T03:04:05Z","created_by":"x","empty_layer":true}]}',
    )
  })

  it('always shows architecture, os, config and rootfs', () => {
    expect(encodeJson(parse({}))).toBe('{"architecture":"","os":"","config":{},"rootfs":{"type":"","diff_ids":null}}')
  })

  it.each<[string, unknown]>([
    ['created', { created: 'yesterday' }],
    ['os', { os: 7 }],
    ['Env', { config: { Env: [1] } }],
    ['Labels', { config: { Labels: { a: 1 } } }],
    ['config', { config: [] }],
    ['rootfs.diff_ids', { rootfs: { diff_ids: [1] } }],
    ['history', { history: {} }],
  ])('refuses a wrong %s', (name, config) => {
    expect(() => parse(config)).toThrow(`image config: ${name} is not of the type it has to be`)
  })
})

it('parseDockerVersion reads what only Docker writes', () => {
  expect(parseDockerVersion(Buffer.from('{"docker_version":"20.10"}'))).toBe('20.10')
  expect(parseDockerVersion(Buffer.from('{}'))).toBe('')
})
