import { expect, test } from 'vitest'

import { pingRegistry } from './ping.ts'

const challenge = { scheme: 'basic', parameters: { realm: 'x' } }

test.each<[string, string, boolean, Record<string, number | 'fails'>, string, string[]]>([
  ['https alone', 'a.test', false, { https: 401 }, 'https://a.test', ['https']],
  ['https before http', 'a.test', true, { https: 200, http: 200 }, 'https://a.test', ['http', 'https']],
  [
    'http where https fails',
    'a.test:5000',
    true,
    { https: 'fails', http: 401 },
    'http://a.test:5000',
    ['http', 'https'],
  ],
  ['http where https is something else', 'a.test', true, { https: 404, http: 200 }, 'http://a.test', ['http', 'https']],
  ['http first on loopback', '127.0.0.1:5000', true, { https: 200, http: 200 }, 'http://127.0.0.1:5000', ['http']],
  ['https second', 'localhost:5000', true, { https: 200, http: 400 }, 'https://localhost:5000', ['http', 'https']],
  ['two servers', 'localhost', true, { https: 200, http: 200 }, 'https://localhost', ['http', 'https']],
])('%s', async (_, host, allowHttp, answers, base, asked) => {
  const registry = fakeServer(answers)
  const service = await pingRegistry({ address: host, allowHttp, ...registry })
  expect(service).toEqual({ base: new URL(base), challenges: [challenge], keepsSignatures: false })
  expect(registry.asked.map(({ protocol }) => protocol.slice(0, -1)).toSorted()).toEqual(asked)
})

test.each([
  ['a.test', false, { https: 500, http: 200 }, 'received unexpected HTTP status: 500 Internal Server Error'],
  ['a.test', true, { https: 'fails', http: 404 }, 'StatusCode: 404, ""'],
  ['127.0.0.1:5000', true, { https: 'fails', http: 404 }, 'StatusCode: 404, ""'],
] as const)('%s is no registry (http allowed: %s)', async (host, allowHttp, answers, problem) => {
  await expect(pingRegistry({ address: host, allowHttp, ...fakeServer(answers) })).rejects.toThrow(
    `pinging container registry ${host}: ${problem}`,
  )
})

function fakeServer(answers: Readonly<Record<string, number | 'fails'>>): {
  readonly asked: URL[]
  readonly get: Parameters<typeof pingRegistry>[0]['get']
  readonly signal: AbortSignal
} {
  const asked: URL[] = []
  return {
    asked,
    signal: new AbortController().signal,
    async get(url: URL) {
      asked.push(url)
      const status = answers[url.protocol.slice(0, -1)]!
      if (status === 'fails') throw new Error('made up')
      return {
        url,
        status,
        headers: { get: (name) => headerLines(name)[0], all: headerLines },
        body: (async function* () {})(),
        discard: async () => {},
      }
    },
  }
}

function headerLines(name: string): string[] {
  return name === 'www-authenticate' ? ['Basic realm="x"'] : []
}
