import { HTTPParser } from 'http-parser-js'

import type { ResponseHeaders } from './http-client.ts'

export interface ResponseHead {
  readonly status: number
  readonly headers: ResponseHeaders
}

/** What happens while an answer is parsed, in this order. */
export interface ResponseEvents {
  head(head: ResponseHead): void
  /** A part of the body, a view of what was parsed. */
  body(bytes: Buffer): void
  /** The answer is complete. `reusable`: another request may follow on the connection. */
  end(reusable: boolean): void
}

const maxHeaderBytes = 64 * 1024
const maxInformationalAnswers = 100
/** Framing (chunk sizes, trailers) that goes on this long without a byte of content is no answer. */
const maxFramingBytes = 1024 * 1024
const guessedBodyBytes = 64 * 1024

/** Parses the answer to one request. Interim answers (1xx) are skipped. */
export class ResponseReader {
  readonly #parser: InstanceType<typeof HTTPParser>
  readonly #events: ResponseEvents
  #interim = false
  #interimAnswers = 0
  #reusable = false
  #ended = false
  #quietBytes = 0
  /** Undefined while a body of unknown length comes. */
  #missingBytes: number | undefined = 0

  constructor(method: string, events: ResponseEvents) {
    this.#events = events
    this.#parser = new HTTPParser('RESPONSE')
    this.#parser.maxHeaderSize = maxHeaderBytes
    this.#parser[HTTPParser.kOnHeadersComplete] = (info) => {
      if (this.#ended) throw malformed('data after the answer')
      return this.#readHead(method, info)
    }
    this.#parser[HTTPParser.kOnBody] = (bytes) => {
      this.#quietBytes = 0
      if (this.#missingBytes !== undefined) this.#missingBytes -= bytes.length
      this.#events.body(bytes)
    }
    this.#parser[HTTPParser.kOnMessageComplete] = () => {
      if (this.#interim) return
      this.#ended = true
      this.#missingBytes = 0
      this.#events.end(this.#reusable)
    }
  }

  /** Bytes of content still to come; a guess where the answer does not say. */
  get expectedBytes(): number {
    return this.#missingBytes ?? guessedBodyBytes
  }

  /** Throws an error with code HPE_… for what is not an HTTP answer. */
  read(bytes: Buffer): void {
    this.#quietBytes += bytes.length
    const result = this.#parser.execute(bytes)
    if (result instanceof Error) throw malformed(result.message, (result as { code?: string }).code)
    if (this.#quietBytes > maxFramingBytes) throw malformed('framing without content')
  }

  /** The connection ended: a body without a length is complete. Returns false if the answer was cut off. */
  finish(): boolean {
    this.#reusable = false
    return !(this.#parser.finish() instanceof Error) && this.#ended
  }

  #readHead(method: string, info: ParsedHead): number {
    this.#quietBytes = 0
    const { statusCode: status } = info
    this.#interim = status < 200
    if (status === 101 || (this.#interim && ++this.#interimAnswers > maxInformationalAnswers)) {
      throw malformed(`unexpected status ${status}`)
    }
    if (this.#interim) return 0
    const headers = responseHeaders(info.headers)
    const isBodiless = method === 'HEAD' || status === 204 || status === 304
    checkFraming(headers)
    const isPersistent = !/close/i.test(headers.all('connection').join()) && info.versionMinor > 0
    this.#reusable = isBodiless ? isPersistent : info.shouldKeepAlive
    if (!isBodiless) this.#missingBytes = contentLength(headers)
    this.#events.head({ status, headers })
    return isBodiless ? 1 : 0
  }
}

interface ParsedHead {
  readonly statusCode: number
  readonly versionMinor: number
  readonly headers: readonly string[]
  readonly shouldKeepAlive: boolean
}

/** The `Content-Length`, if the answer says one that is a number. */
export function contentLength(headers: ResponseHeaders): number | undefined {
  const text = headers.get('content-length')
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** The parser takes the lengths it cannot read for zero: refuse them. */
function checkFraming(headers: ResponseHeaders): void {
  if (headers.all('content-length').some((value) => !/^\d{1,15}$/.test(value))) throw malformed('bad Content-Length')
  const codings = headers.all('transfer-encoding')
  if (codings.length > 1 || codings.some((value) => value.toLowerCase() !== 'chunked')) {
    throw malformed('unsupported Transfer-Encoding')
  }
}

/** `name, value, name, value …` as a table that ignores the case of names. */
function responseHeaders(pairs: readonly string[]): ResponseHeaders {
  const all = (name: string): readonly string[] => {
    const wanted = name.toLowerCase()
    return pairs.filter((_, at) => at % 2 === 1 && pairs[at - 1]!.toLowerCase() === wanted)
  }
  return { get: (name) => all(name)[0], all }
}

function malformed(message: string, code = 'HPE_INVALID'): Error {
  return Object.assign(new Error(message), { code })
}
