import { expect, it } from 'vitest'

import { blobInfoCacheFile } from './blob-info-cache-file.ts'

const name = 'containers/cache/blob-info-cache-v1.sqlite'

it.each([
  [0, {}, `/somewhere/var/lib/${name}`],
  [1000, {}, `/home/me/.local/share/${name}`],
  [undefined, {}, `/home/me/.local/share/${name}`],
  [1000, { XDG_DATA_HOME: '/data' }, `/data/${name}`],
  [0, { XDG_DATA_HOME: '/data' }, `/somewhere/var/lib/${name}`],
  [0, { XDG_DATA_HOME: '/data', _CONTAINERS_ROOTLESS_UID: '1000' }, `/data/${name}`],
])('of user %s with %j is %s', (uid, env, file) => {
  expect(blobInfoCacheFile({ env, home: '/home/me', root: '/somewhere', uid, platform: 'linux' })).toBe(file)
})
