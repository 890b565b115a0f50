import { displayJson, displayUrl, parseJsonObject, TransloadError, type OperationOptions } from '@transload/contract'

import { wait, type Delay } from './delay.ts'
import { prefixed } from './prefixed.ts'
import {
  exchange,
  isWorthRetrying,
  serviceError,
  type ServiceAnswer,
  type ServiceOptions,
  type ServiceRequest,
} from './service.ts'

/** A Rekor server (v1) to which signatures are uploaded. */
export interface RekorOptions extends ServiceOptions {
  readonly url: string
  /** Before another try. */
  readonly delay?: Delay | undefined
}

/** What is to be logged, in Rekor's words: `hashedrekord` or `dsse`. */
export interface ProposedEntry {
  readonly kind: string
  readonly apiVersion: string
  readonly spec: Readonly<Record<string, unknown>>
}

/** What the log says of an entry. */
export interface LogEntry {
  /** Base64 */
  readonly body: string
  /** Seconds since 1970. */
  readonly integratedTime: number
  readonly logIndex: number
  /** Hexadecimal */
  readonly logID: string
  /** Base64: the log's promise to hold the entry. */
  readonly signedEntryTimestamp: string
  readonly inclusionProof: InclusionProof | undefined
}

export interface InclusionProof {
  readonly logIndex: number
  readonly treeSize: number
  /** Hexadecimal, like those of `hashes`. */
  readonly rootHash: string
  readonly hashes: readonly string[]
  readonly checkpoint: string
}

/** Tries in all. */
const attempts = 4

/**
 * The log's entry, which is made unless there is one already (trust.md §3.4). A log that cannot be reached or is busy is
 * tried again three times. Throws HttpError, NETWORK and PROTOCOL.
 */
export async function uploadLogEntry(
  entry: ProposedEntry,
  options: RekorOptions & OperationOptions,
): Promise<LogEntry> {
  const collection = `${options.url.replace(/\/+$/, '')}/api/v1/log/entries`
  try {
    const answer = await send({ method: 'POST', url: collection, json: entry }, options)
    if (answer.status !== 409) return parseAnswer(answer, 201)
    const uuid = answer.headers.get('location')?.split('/').at(-1)
    if (uuid === undefined || !/^[0-9a-fA-F]{1,128}$/.test(uuid)) throw serviceError(answer)
    return parseAnswer(await send({ method: 'GET', url: `${collection}/${uuid}` }, options), 200)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw prefixed('Error uploading a log entry', error)
  }
}

async function send(request: ServiceRequest, options: RekorOptions & OperationOptions): Promise<ServiceAnswer> {
  const { delay = wait, signal } = options
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt === attempts
    try {
      const answer = await exchange(request, options)
      if (isLast || !isWorthRetrying(answer.status)) return answer
    } catch (error) {
      if (isLast || !TransloadError.is(error, 'NETWORK')) throw error
    }
    await delay(1000 * 2 ** (attempt - 1), { signal })
  }
}

function parseAnswer(answer: ServiceAnswer, expected: number): LogEntry {
  if (answer.status !== expected) throw serviceError(answer)
  const subject = `the answer of ${displayUrl(answer.request.url)}`
  const entries = Object.values(parseJsonObject(answer.body, subject, 'PROTOCOL'))
  if (entries.length !== 1) throw new TransloadError('PROTOCOL', `expected 1 Rekor entry, got ${entries.length}`)
  const { body, integratedTime, logIndex, logID, verification } = object(entries[0])
  const { signedEntryTimestamp, inclusionProof } = object(verification)
  return {
    body: text(body),
    integratedTime: whole(integratedTime),
    logIndex: whole(logIndex),
    logID: text(logID),
    signedEntryTimestamp: text(signedEntryTimestamp),
    inclusionProof: inclusionProof === undefined || inclusionProof === null ? undefined : parseProof(inclusionProof),
  }
}

function parseProof(value: unknown): InclusionProof {
  const { logIndex, treeSize, rootHash, hashes, checkpoint } = object(value)
  if (!Array.isArray(hashes)) throw invalid(hashes)
  return {
    logIndex: whole(logIndex),
    treeSize: whole(treeSize),
    rootHash: text(rootHash),
    hashes: hashes.map(text),
    checkpoint: text(checkpoint),
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw invalid(value)
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw invalid(value)
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number
  throw invalid(value)
}

function invalid(value: unknown): TransloadError {
  return new TransloadError(
    'PROTOCOL',
    `invalid Rekor entry: ${displayJson(value)} where it has to have something else`,
  )
}
