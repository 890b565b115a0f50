import type { OpenOptions, OperationOptions, SignatureReader } from '@transload/contract'

import { httpAnswer, startRawServer, type RawRequest, type RawServer } from './http/raw-server.test.kit.ts'
import type { RegistryTransportOptions } from './options.ts'
import type { RegistryReference } from './reference.ts'
import type { ImageOf, LateSignatureWriter } from './registry-access.ts'
import { RegistryClient } from './registry-client.ts'

/** What a route answers: text sent as it is, or undefined if it wrote to the socket itself. */
export type Routes = (request: RawRequest) => string | undefined | Promise<string | undefined>

/** A registry that answers the ping with `challenge`, if there is one, and everything else with `routes` or 404. */
export async function startFakeRegistry(
  routes: Routes,
  challenge?: string,
  pingHeaders: Readonly<Record<string, string>> = {},
): Promise<RawServer> {
  return await startRawServer(async (request) => {
    const answer =
      request.path === '/v2/'
        ? challenge === undefined
          ? httpAnswer(200, pingHeaders)
          : httpAnswer(401, { 'WWW-Authenticate': challenge })
        : await routes(request)
    if (answer !== undefined) request.answer(answer)
  })
}

/** Gives out the tokens `t1`, `t2`, … */
export function startTokenServer(): Promise<RawServer> {
  return startRawServer(({ answer, index }) => answer(httpAnswer(200, {}, { token: `t${index + 1}`, expires_in: 300 })))
}

/** Waits take no time; `waited` has them, in milliseconds. */
export function clientOf(
  server: RawServer,
  options: RegistryTransportOptions = {},
): RegistryClient & { readonly waited: number[] } {
  const waited: number[] = []
  const delay = async (ms: number, { signal }: OperationOptions): Promise<void> => {
    signal?.throwIfAborted()
    waited.push(ms)
  }
  const client = new RegistryClient(server.host, { verifyTls: false, retry: { delay }, ...options })
  return Object.assign(client, { waited })
}

/** Requests other than the ping: `GET /path`. */
export function requestLines({ requests }: RawServer): string[] {
  return requests.filter(({ path }) => path !== '/v2/').map(({ method, path }) => `${method} ${path}`)
}

export function openOptions(
  options: Partial<OpenOptions> & { readonly locations?: readonly string[] } = {},
): OpenOptions & {
  readonly remembered: string[]
  readonly logged: string[]
} {
  const remembered: string[] = []
  const logged: string[] = []
  return {
    cache: {
      locations: async () => options.locations ?? [],
      rememberLocation: async (scope, blob, location) => void remembered.push(`${scope} ${location} ${blob}`),
      uncompressed: async () => undefined,
      rememberUncompressed: async () => {},
    },
    tempDirectory: '/tmp',
    log: (level, message) => void logged.push(`${level} ${message}`),
    signal: options.signal,
    remembered,
    logged,
  }
}

/** Signatures of an image in no configured place. */
export function withoutSignatures(reference: RegistryReference): ImageOf<SignatureReader & LateSignatureWriter> {
  const signatures = { list: async () => [], replace: async () => {}, finish: async () => {} }
  return { reference, signatures }
}
