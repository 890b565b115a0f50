import { expect, test } from 'vitest'

import { readProxySettings } from './proxy-settings.ts'

test.each([
  [{}, undefined],
  [{ NO_PROXY: 'a' }, undefined],
  [{ ALL_PROXY: 'http://p' }, undefined],
  [{ HTTP_PROXY: 'http://p' }, { http: 'http://p' }],
  [
    { http_proxy: 'http://p', https_proxy: 'http://q', no_proxy: 'a' },
    { http: 'http://p', https: 'http://q', no: 'a' },
  ],
  [{ HTTPS_PROXY: 'http://q', https_proxy: 'http://p' }, { https: 'http://q' }],
  [{ HTTPS_PROXY: '', https_proxy: 'http://p' }, { https: 'http://p' }],
  [{ REQUEST_METHOD: 'GET', HTTP_PROXY: 'http://evil', HTTPS_PROXY: 'http://q' }, { https: 'http://q' }],
])('%j', (env, settings) => {
  expect(readProxySettings(env)).toEqual(settings)
})
