import { digestOf } from '@transload/contract'

import type { Routes } from './fake-registry.test.kit.ts'
import { httpAnswer, type RawRequest } from './http/raw-server.test.kit.ts'

/** What happens to one request in place of what should: an answer, `reset` after so many bytes, or an answer that is lost. */
export type Mishap =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly resetAfter: number }
  | 'answer lost'

export interface UploadSessions {
  readonly routes: Routes
  /** `PATCH 0-9`, `PUT 10`: what came of bodies, with their Content-Range or length; `POST`, `GET`, `DELETE`, `HEAD`. */
  readonly log: readonly string[]
  readonly stored: Buffer | undefined
}

/**
 * Uploads as the distribution spec has them, one at a time, and what `mishap` makes of them. `opens` are headers of the
 * answer to POST.
 */
export function uploadSessions(
  mishap: (request: RawRequest, log: readonly string[]) => Mishap | undefined = () => undefined,
  opens: Readonly<Record<string, string>> = {},
): UploadSessions {
  const log: string[] = []
  let received: Buffer | undefined
  let stored: Buffer | undefined
  const location = (): Record<string, string> => ({ Location: `/v2/a/blobs/uploads/u?at=${received?.length ?? 0}` })
  const routes: Routes = async (request) => {
    const { method, path, headers, readBody, socket } = request
    const size = Number(headers['content-length'] ?? 0)
    const isBody = method === 'PATCH' || method === 'PUT'
    log.push(isBody ? `${method} ${headers['content-range'] ?? size}` : method)
    const mishapHere = mishap(request, log)
    if (mishapHere !== undefined && mishapHere !== 'answer lost') {
      if ('status' in mishapHere) return httpAnswer(mishapHere.status, mishapHere.headers)
      received = Buffer.concat([received ?? Buffer.alloc(0), await readBody(mishapHere.resetAfter)])
      socket.resetAndDestroy()
      return undefined
    }
    if (method === 'POST') {
      received = Buffer.alloc(0)
      return httpAnswer(202, { ...location(), ...opens })
    }
    if (method === 'HEAD') {
      return stored && path.endsWith(digestOf(stored))
        ? `HTTP/1.1 200 OK\r\nContent-Length: ${stored.length}\r\n\r\n`
        : 'HTTP/1.1 404 Not Found\r\n\r\n'
    }
    if (!received) return httpAnswer(404)
    if (method === 'GET') return httpAnswer(204, { ...location(), Range: `0-${Math.max(0, received.length - 1)}` })
    if (method === 'DELETE') {
      received = undefined
      return httpAnswer(204)
    }
    const body = await readBody()
    const start = headers['content-range']?.split('-', 1)[0]
    if (start !== undefined && Number(start) !== received.length) return httpAnswer(416)
    received = Buffer.concat([received, headers['transfer-encoding'] ? unchunked(body) : body])
    if (method === 'PATCH') return httpAnswer(202, location())
    const isRight = new URL(path, 'http://x').searchParams.get('digest') === digestOf(received)
    if (isRight) stored = received
    received = undefined
    if (mishapHere === 'answer lost') {
      socket.resetAndDestroy()
      return undefined
    }
    return httpAnswer(isRight ? 201 : 400)
  }
  return {
    routes,
    log,
    get stored() {
      return stored
    },
  }
}

function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    if (size === 0) return Buffer.concat(parts)
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
