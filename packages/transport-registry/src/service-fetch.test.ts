import { expect, test } from 'vitest'

import { httpAnswer, startRawServer } from './http/raw-server.test.kit.ts'
import { createServiceFetch } from './service-fetch.ts'

test('a request and its answer', async () => {
  const bodies: string[] = []
  await using server = await startRawServer(async ({ readBody, answer }) => {
    bodies.push((await readBody()).toString())
    answer(httpAnswer(201, { 'Content-Type': 'application/json', Location: '/next', 'X-Other': 'x' }, '{"a":1}'))
  })
  await using service = createServiceFetch({ userAgent: 'transload/1' })
  const init = { method: 'POST', body: new URLSearchParams({ a: 'b' }), headers: { authorization: 'Bearer x' } }
  const response = await service.fetch(new URL('/path?q', server.url).href, init)
  expect(response.status).toBe(201)
  expect(Object.fromEntries(response.headers)).toEqual({ 'content-type': 'application/json', location: '/next' })
  expect(await response.json()).toEqual({ a: 1 })
  expect(bodies).toEqual(['a=b'])
  expect(server.requests[0]!.headers).toMatchObject({
    'user-agent': 'transload/1',
    'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
    authorization: 'Bearer x',
  })
})

test('no redirect is followed', async () => {
  await using server = await startRawServer(({ answer }) => answer(httpAnswer(302, { Location: '/elsewhere' })))
  await using service = createServiceFetch({})
  expect((await service.fetch(server.url.href, {})).status).toBe(302)
  expect(server.requests).toHaveLength(1)
})

test('an answer without a body', async () => {
  await using server = await startRawServer(({ answer }) => answer('HTTP/1.1 204 No Content\r\n\r\n'))
  await using service = createServiceFetch({})
  const response = await service.fetch(server.url.href, { method: 'POST' })
  expect([response.status, await response.text()]).toEqual([204, ''])
})

test('nobody there, and nobody waiting', async () => {
  await using service = createServiceFetch({})
  await expect(service.fetch('http://127.0.0.1:1/', {})).rejects.toMatchObject({ code: 'NETWORK' })
  await using server = await startRawServer(() => undefined)
  const controller = new AbortController()
  const reason = new Error('enough')
  const waiting = service.fetch(server.url.href, { signal: controller.signal })
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})
