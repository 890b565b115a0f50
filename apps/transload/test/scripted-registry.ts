import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ScriptedAnswer {
  readonly status: number
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** So many bytes are announced; the body is only their beginning, and nothing follows. */
  readonly stallsBefore?: number
}

/** A server that answers what a test says, and remembers what it was asked. */
export interface ScriptedRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly requests: readonly { readonly method: string; readonly path: string; readonly userAgent: string }[]
}

/** `GET /v2/` is answered with 200; everything else by `answer`, undefined being 404. */
export async function startScriptedRegistry(
  answer: (method: string, path: string) => ScriptedAnswer | undefined,
): Promise<ScriptedRegistry> {
  const requests: { method: string; path: string; userAgent: string }[] = []
  const server = createServer((request: IncomingMessage, response) => {
    const { method = '', url: path = '' } = request
    requests.push({ method, path, userAgent: request.headers['user-agent'] ?? '' })
    const scripted = path === '/v2/' ? { status: 200 } : (answer(method, path) ?? { status: 404 })
    const { status, body = '', headers, stallsBefore }: ScriptedAnswer = scripted
    response.writeHead(status, { 'content-length': stallsBefore ?? Buffer.byteLength(body), ...headers })
    if (stallsBefore !== undefined) response.write(body)
    else response.end(method === 'HEAD' ? undefined : body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** A body as registries report errors. */
export function errorBody(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] })
}
