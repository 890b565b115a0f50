import { fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { ociConfigFromDocker } from './oci-config.ts'

const config = {
  created: '2024-01-02T03:04:05.600Z',
  architecture: 'amd64',
  os: 'linux',
  config: { Env: ['A=b'], Cmd: ['sh'], ExposedPorts: { '80/tcp': {} }, Labels: { b: 'c', a: 'd' }, Healthcheck: {} },
  container_config: {},
  rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] },
  history: [{ created: '2024-01-02T03:04:05Z', created_by: 'x', empty_layer: true }],
}

test('a config is refused with a code, or becomes one that stays as it is when it is converted again', () => {
  fc.assert(
    fc.property(jsonLike([config]), (text) => {
      const converted = outcome(() => ociConfigFromDocker(Buffer.from(text)))
      if ('code' in converted) {
        expect(converted.code).toBe('MANIFEST_INVALID')
        return
      }
      expect(Buffer.from(ociConfigFromDocker(converted.value)).toString()).toBe(Buffer.from(converted.value).toString())
    }),
  )
})
