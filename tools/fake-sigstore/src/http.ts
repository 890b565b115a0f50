import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Request {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Response {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Anything but a text is sent as JSON. */
  readonly body?: unknown
}

export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
}

/** Serves on a free port of loopback. An error of `handle` is answered with 400 and its message. */
export async function serve(handle: (request: Request) => Promise<Response>): Promise<RunningServer> {
  const server = createServer((incoming, outgoing) => {
    void send(answer(incoming, handle), outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(incoming: IncomingMessage, handle: (request: Request) => Promise<Response>): Promise<Response> {
  try {
    const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host}`)
    const body = await readText(incoming)
    return await handle({ method: incoming.method ?? 'GET', url, headers: incoming.headers, body })
  } catch (error) {
    return { status: 400, body: { code: 400, message: error instanceof Error ? error.message : String(error) } }
  }
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function send(response: Promise<Response>, outgoing: ServerResponse): Promise<void> {
  const { status, headers, body } = await response
  const isText = typeof body === 'string'
  outgoing.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers })
  outgoing.end(body === undefined || isText ? body : JSON.stringify(body))
}
