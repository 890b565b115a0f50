import { startFakeSigstore, type FakeSigstore } from '@transload/fake-sigstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createFulcioKeys } from '../sigstore/fulcio.ts'
import { startService } from '../sigstore/service.test.kit.ts'
import type { Fetch } from '../sigstore/service.ts'
import { requestIdTokenByBrowser, type BrowserLoginOptions } from './browser-login.ts'
import { requestIdTokenByDevice } from './device-grant.ts'

let sigstore: FakeSigstore
beforeAll(async () => {
  sigstore = await startFakeSigstore()
})
afterAll(() => sigstore[Symbol.asyncDispose]())

interface Person {
  readonly told: string[]
  readonly say: (line: string) => void
}

function person(): Person {
  const told: string[] = []
  return { told, say: (line) => void told.push(line) }
}

const client = { clientId: 'sigstore' }

/** Goes where a browser would. */
const visit = async (page: string): Promise<string> => await (await fetch(page)).text()

const unasked: BrowserLoginOptions['ask'] = () => Promise.reject(new Error('asked'))

test('with a code for another device', async () => {
  const { told, say } = person()
  const waited: number[] = []
  const delay = async (ms: number): Promise<void> => {
    waited.push(ms)
    await visit(/at: (?<page>.*)$/.exec(told[0]!)!.groups!['page']!)
  }
  const token = await requestIdTokenByDevice({ ...client, issuerUrl: sigstore.oidcUrl, say, delay })
  expect(token.subject).toBe('jo@example.com')
  expect(told).toEqual([
    expect.stringMatching(/^Enter the verification code \w+ in your browser at: http.*\?user_code=\w+$/),
    'Code will be valid for 300 seconds',
    'Token received!',
  ])
  expect(waited).toEqual([1000])
  expect(await createFulcioKeys({ url: sigstore.fulcioUrl, token })()).toHaveProperty('certificate')
})

test('a device code nobody uses is given up', async () => {
  const { say } = person()
  await expect(
    requestIdTokenByDevice({ ...client, issuerUrl: sigstore.oidcUrl, say, delay: async () => undefined }),
  ).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: expect.stringMatching(/nobody logged in at .* in time$/) as string,
  })
})

test('with a browser', async () => {
  const { told, say } = person()
  let page = Promise.resolve('')
  const openBrowser = async (url: string): Promise<void> => {
    page = visit(url)
  }
  const options = { ...client, clientSecret: 's:e/cret', issuerUrl: sigstore.oidcUrl, say, openBrowser, ask: unasked }
  const token = await requestIdTokenByBrowser(options)
  expect(token.subject).toBe('jo@example.com')
  expect(await page).toContain('You are logged in')
  expect(told).toEqual([expect.stringMatching(/^Your browser will now be opened to:\nhttp.*\/auth\?/)])
  expect(await createFulcioKeys({ url: sigstore.fulcioUrl, token })()).toHaveProperty('certificate')
})

test('without a browser the code is asked for', async () => {
  const { told, say } = person()
  const questions: string[] = []
  const token = await requestIdTokenByBrowser({
    ...client,
    issuerUrl: sigstore.oidcUrl,
    say,
    openBrowser: () => Promise.reject(new Error('no xdg-open')),
    ask: async (question) => {
      questions.push(question)
      return ` ${await visit(told.at(-1)!.split('\t ')[1]!)}\n`
    },
  })
  expect(token.subject).toBe('jo@example.com')
  expect(told[1]).toBe('error opening browser: no xdg-open')
  expect(told[2]).toMatch(/^Go to the following link in a browser:\n\n\t http/)
  expect(questions).toEqual(['Enter verification code: '])
})

test('who brings another state is turned away', async () => {
  const { say } = person()
  const statuses: number[] = []
  const openBrowser = async (url: string): Promise<void> => {
    const redirect = new URL(new URL(url).searchParams.get('redirect_uri')!)
    for (const path of ['/', '/auth/callback', '/auth/callback?code=evil&state=guess']) {
      statuses.push((await fetch(new URL(path, redirect))).status)
    }
    void visit(url)
  }
  const options = { ...client, issuerUrl: sigstore.oidcUrl, say, openBrowser, ask: unasked }
  expect((await requestIdTokenByBrowser(options)).subject).toBe('jo@example.com')
  expect(statuses).toEqual([404, 400, 400])
})

const openBrowser = async (url: string): Promise<void> => void visit(url)

async function login(issuerUrl: string, ownFetch?: Fetch): Promise<unknown> {
  const options = { ...client, ...person(), issuerUrl, openBrowser, ask: unasked, fetch: ownFetch }
  return await requestIdTokenByBrowser(options)
}

describe('refused', () => {
  test.each([
    ['no URL', 'issuer', 'CONFIG_INVALID'],
    ['a file', 'file:///etc/passwd', 'CONFIG_INVALID'],
    ['nobody there', 'http://127.0.0.1:1', 'NETWORK'],
  ])('%s', async (_, issuerUrl, code) => {
    await expect(login(issuerUrl)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^Error authenticating with OIDC: /) as string,
    })
  })

  test('an issuer that calls itself otherwise', async () => {
    await using issuer = await startService(async ({ target }) => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: await visit(`${sigstore.oidcUrl}${target}`),
    }))
    await expect(login(issuer.url)).rejects.toMatchObject({ code: 'PROTOCOL' })
  })

  test('what the issuer says against it is the error', async () => {
    const denial = { error: 'access_denied', error_description: 'not you' }
    const answer: Fetch = async (url, init) =>
      url.endsWith('/token') ? Response.json(denial, { status: 400 }) : await fetch(url, init)
    await expect(login(sigstore.oidcUrl, answer)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'Error authenticating with OIDC: access_denied: not you',
    })
  })

  test('a token that the issuer did not sign', async () => {
    await using other = await startFakeSigstore()
    const keysOfAnother: Fetch = async (url, init) =>
      await fetch(url.endsWith('/keys') ? `${other.oidcUrl}/keys` : url, init)
    await expect(login(sigstore.oidcUrl, keysOfAnother)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('signature verification failed') as string,
    })
  })

  test('who does not want to wait', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const options = { ...client, ...person(), issuerUrl: sigstore.oidcUrl, ask: unasked, signal: controller.signal }
    const waiting = requestIdTokenByBrowser({ ...options, openBrowser: async () => controller.abort(reason) })
    await expect(waiting).rejects.toBe(reason)
  })
})
