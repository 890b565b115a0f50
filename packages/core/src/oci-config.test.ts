import { describe, expect, it } from 'vitest'

import { ociConfigFromDocker } from './oci-config.ts'

function converted(docker: object): string {
  return Buffer.from(ociConfigFromDocker(Buffer.from(JSON.stringify(docker)))).toString()
}

describe('ociConfigFromDocker', () => {
  it('keeps what OCI knows, in its order, written as Go writes it', () => {
    const docker = {
      docker_version: '20',
      container: 'abc',
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      created: '2020-03-04T05:06:07.120030000Z',
      author: 'me <x@y> & "co"\u2028',
      config: {
        Hostname: 'x',
        Labels: { z: '1', a: '2', B: 'é😀' },
        ExposedPorts: { '80/tcp': {}, '443/tcp': {} },
        Env: ['A=<b>'],
        Cmd: ['sh', '-c'],
        Entrypoint: [],
        Volumes: null,
        User: '',
        OnBuild: ['x'],
        ArgsEscaped: true,
      },
      container_config: { x: 1 },
      history: [
        { created: '2020-03-04T05:06:07+00:00', created_by: 'a && b', empty_layer: true },
        { created: '2020-01-01T00:00:00.100+02:00', created_by: '', comment: 'c', author: 'q', empty_layer: false },
      ],
      rootfs: { type: 'layers', diff_ids: ['sha256:00'] },
    }
    expect(converted(docker)).toBe(
      String.raw`{"created":"2020-03-04T05:06:07.12003Z","author":"me \u003cx@y\u003e \u0026 \"co\"\u2028",` +
        String.raw`"architecture":"arm","os":"linux","variant":"v7","config":{"ExposedPorts":{"443/tcp":{},"80/tcp":{}},` +
        String.raw`"Env":["A=\u003cb\u003e"],"Cmd":["sh","-c"],"Labels":{"B":"é😀","a":"2","z":"1"},"ArgsEscaped":true},` +
        String.raw`"rootfs":{"type":"layers","diff_ids":["sha256:00"]},"history":[{"created":"2020-03-04T05:06:07Z",` +
        String.raw`"created_by":"a \u0026\u0026 b","empty_layer":true},{"created":"2020-01-01T00:00:00.1+02:00",` +
        `"author":"q","comment":"c"}]}`,
    )
  })

  it('writes the members OCI requires even if there are none', () => {
    expect(converted({})).toBe('{"architecture":"","os":"","config":{},"rootfs":{"type":"","diff_ids":null}}')
  })

  it.each([
    ['2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00Z'],
    ['2020-01-01T00:00:00.010Z', '2020-01-01T00:00:00.01Z'],
    ['2020-01-01T00:00:10Z', '2020-01-01T00:00:10Z'],
    ['2020-01-01T00:00:00.5-00:00', '2020-01-01T00:00:00.5Z'],
    ['2020-01-01T00:00:00.120+05:30', '2020-01-01T00:00:00.12+05:30'],
  ])('writes the time %s as %s', (before, after) => {
    expect(JSON.parse(converted({ created: before }))).toMatchObject({ created: after })
  })

  it('refuses what is no JSON object', () => {
    expect(() => ociConfigFromDocker(Buffer.from('[]'))).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
  })
})
