import { expect, test } from 'vitest'

import type { HttpClient, HttpRequest } from './http-client.ts'
import { isSameService, sendFollowing, type ServiceClients } from './redirects.ts'

test.each([
  ['https://a.test', 'https://a.test/x', true],
  ['https://a.test', 'https://a.test:443/x', true],
  ['https://a.test', 'https://a.test:8443/x', false],
  ['https://a.test', 'http://a.test/x', false],
  ['http://a.test', 'https://a.test/x', true],
  ['https://a.test', 'https://b.a.test/x', false],
  ['https://a.test', 'https://a.test.evil.test/x', false],
])('what is for %s may go to %s: %s', (origin, url, may) => {
  expect(isSameService(new URL(origin), new URL(url))).toBe(may)
})

const headers = { authorization: 'Basic x', Accept: ['a', 'b'] }

test.each<[string, string, number, Partial<HttpRequest>, string[]]>([
  ['a GET elsewhere loses its credentials', 'https://b.test/', 302, {}, ['GET https://b.test/ Accept']],
  ['on the same host it keeps them', '/other', 301, {}, ['GET https://a.test/other authorization,Accept']],
  ['a DELETE is not turned into a GET', '/other', 303, { method: 'DELETE' }, []],
  [
    'but may be sent elsewhere as it is',
    '/other',
    307,
    { method: 'DELETE' },
    ['DELETE https://a.test/other authorization,Accept'],
  ],
  ['a body stays with its host', 'https://b.test/', 308, { method: 'PUT', body: Buffer.from('secret') }, []],
  ['a stream is not sent twice', '/other', 307, { method: 'PUT', body: { chunks: streamOf() } }, []],
  ['a place that is none is no redirect', 'https://', 302, {}, []],
])('%s', async (_, location, status, request, followed) => {
  const sent: string[] = []
  await sendFollowing(
    answering(sent, status, location),
    { method: 'GET', url: new URL('https://a.test/'), headers, ...request },
    { downgrade: false },
  )
  expect(sent.slice(1)).toEqual(followed)
})

test.each([
  ['http://a.test/', false, 'redirect from https to http://a.test/ refused'],
  ['file:///etc/passwd', true, 'redirect to file: refused'],
])('%s is not followed', async (location, downgrade, problem) => {
  const clients = answering([], 302, location)
  const sending = sendFollowing(clients, { method: 'GET', url: new URL('https://a.test/') }, { downgrade })
  await expect(sending).rejects.toMatchObject({ code: 'PROTOCOL', message: `GET https://a.test/: ${problem}` })
})

test('where bytes are verified https may lead to http', async () => {
  const sent: string[] = []
  const clients = answering(sent, 302, 'http://cdn.test/')
  const url = new URL('https://a.test/')
  const response = await sendFollowing(clients, { method: 'GET', url, headers }, { downgrade: true })
  expect(response.url.href).toBe('http://cdn.test/')
  expect(sent.at(-1)).toBe('GET http://cdn.test/ Accept')
})

/** The first answer is the redirect, the second 200. */
function answering(sent: string[], status: number, location: string): ServiceClients {
  const client: HttpClient = {
    async send({ method, url, headers: given = {} }) {
      sent.push(`${method} ${url.href} ${Object.keys(given).join()}`)
      const isFirst = sent.length === 1
      return {
        status: isFirst ? status : 200,
        headers: { get: (name) => (isFirst && name === 'location' ? location : undefined), all: () => [] },
        body: streamOf(),
        discard: async () => {},
      }
    },
    async [Symbol.asyncDispose]() {},
  }
  return { own: client, others: client }
}

async function* streamOf(): AsyncGenerator<Uint8Array> {}
