import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

/** A request as it came over a socket; its body is left unread. */
export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** How many came before it, on all connections. */
  readonly index: number
  readonly socket: Socket
  /** Reads `count` bytes of the body, or all that is announced. */
  readonly readBody: (count?: number) => Promise<Buffer>
  /** Sends bytes as they are. */
  readonly answer: (...parts: (string | Uint8Array)[]) => void
}

export interface RawServer extends AsyncDisposable {
  readonly url: URL
  readonly host: string
  /** Connections accepted so far, and open now. */
  readonly accepted: number
  readonly open: number
  readonly requests: readonly RawRequest[]
}

/** Serves what `handle` writes to the socket, byte by byte as it likes: for answers no HTTP server would give. */
export async function startRawServer(
  handle: (request: RawRequest) => void | Promise<void>,
  { tls = false }: { readonly tls?: boolean } = {},
): Promise<RawServer> {
  const sockets = new Set<Socket>()
  const requests: RawRequest[] = []
  let accepted = 0
  const onConnection = (socket: Socket): void => {
    accepted++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    void serve(socket, (request) => {
      const numbered = { ...request, index: requests.length }
      requests.push(numbered)
      return handle(numbered)
    })
  }
  const server = tls ? createTlsServer(await loopbackCertificate(), onConnection) : createServer(onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${port}`),
    host: `127.0.0.1:${port}`,
    requests,
    get accepted() {
      return accepted
    },
    get open() {
      return sockets.size
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A whole answer; objects as JSON. */
export function httpAnswer(status: number, headers: Readonly<Record<string, string>> = {}, body: unknown = ''): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const lines = Object.entries({ 'Content-Length': String(Buffer.byteLength(text)), ...headers })
  return `HTTP/1.1 ${status} Status\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`
}

/** Self-signed, for 127.0.0.1 and localhost. */
export async function loopbackCertificate(): Promise<{ cert: string; key: string }> {
  return { cert: await readFixture('crt'), key: await readFixture('key') }
}

function readFixture(type: string): Promise<string> {
  return readFile(new URL(`../../test/fixtures/loopback.${type}`, import.meta.url), 'utf8')
}

/** First byte of a TLS client hello: where plain HTTP is spoken it gets the answer HTTP servers give. */
const tlsHandshake = 0x16

async function serve(
  socket: Socket,
  handle: (request: Omit<RawRequest, 'index'>) => void | Promise<void>,
): Promise<void> {
  const { readSome, readThrough } = readerOf(socket)
  for (;;) {
    const head = await readThrough('\r\n\r\n')
    if (!head) return
    const [line = '', ...headerLines] = head.toString('latin1').trimEnd().split('\r\n')
    const [method = '', path = ''] = line.split(' ')
    const headers = Object.fromEntries(
      headerLines.map((header) => {
        const colon = header.indexOf(':')
        return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()]
      }),
    )
    let left = Number(headers['content-length'] ?? 0)
    await handle({
      method,
      path,
      headers,
      socket,
      answer(...parts) {
        for (const part of parts) socket.write(part)
      },
      async readBody(count = left) {
        if (headers['transfer-encoding']) return (await readThrough('\r\n0\r\n\r\n')) ?? Buffer.alloc(0)
        const parts: Buffer[] = []
        for (let missing = count; missing > 0; missing -= parts.at(-1)!.length) {
          const part = await readSome(missing)
          if (!part) break
          parts.push(part)
          left -= part.length
        }
        return Buffer.concat(parts)
      },
    })
    while (left > 0) {
      const part = await readSome(left)
      if (!part) return
      left -= part.length
    }
  }
}

/** Both give undefined when the connection ends first. */
function readerOf(socket: Socket): {
  readonly readSome: (most: number) => Promise<Buffer | undefined>
  readonly readThrough: (mark: string) => Promise<Buffer | undefined>
} {
  let held = Buffer.alloc(0)
  let isFirst = true
  let wake: (() => void) | undefined
  socket.on('readable', () => wake?.())
  socket.on('close', () => wake?.())
  const readMore = async (): Promise<boolean> => {
    for (;;) {
      const chunk = socket.read() as Buffer | null
      if (chunk) {
        held = Buffer.concat([held, chunk])
        if (isFirst && held[0] === tlsHandshake) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
        isFirst = false
        return true
      }
      if (socket.destroyed || socket.readableEnded) return false
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const take = (count: number): Buffer => {
    const taken = held.subarray(0, count)
    held = held.subarray(count)
    return taken
  }
  return {
    async readSome(most) {
      return held.length > 0 || (await readMore()) ? take(most) : undefined
    },
    async readThrough(mark) {
      for (;;) {
        const at = held.indexOf(mark)
        if (at >= 0) return take(at + mark.length)
        if (!(await readMore())) return undefined
      }
    },
  }
}
