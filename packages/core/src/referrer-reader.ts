import { readSubject, TransloadError, type Digest, type OperationOptions, type RawManifest } from '@transload/contract'

import { attachedTags, signatureTag } from './attached-tags.ts'
import { createLimiter, runAll } from './bounded.ts'
import { readManifest, readTaggedManifest } from './read-manifest.ts'
import type { ReadSession } from './session.ts'
import { isSignatureReferrer } from './signature-referrer.ts'
import { TransferError } from './transfer-error.ts'

/** A manifest, and why it refers to another: by its subject or by its tag. */
export interface Reference {
  readonly raw: RawManifest
  readonly subject?: Digest
  readonly tag?: string
}

/**
 * Reads from the source what refers to manifests: each manifest once, and so many of them, and so many bytes, as anybody
 * needs. Throws TransferError, whose code is SIZE_LIMIT for more.
 */
export interface ReferrerReader {
  /** By subject, then by tag. No signatures where they are to be left out. */
  findReferrers(subject: Digest, operation: OperationOptions): Promise<readonly Reference[]>
  readManifest(digest: Digest, operation: OperationOptions): Promise<RawManifest>
}

const mostReferrers = 1000
const mostBytes = 64 * 1024 * 1024

/** `known` need not be read, nor do they count. */
export function createReferrerReader(session: ReadSession, known: readonly RawManifest[]): ReferrerReader {
  const { source, options } = session
  const manifests = new Map(known.map((raw) => [raw.digest, Promise.resolve(raw)]))
  const uncounted = manifests.size
  const inTurn = createLimiter(options.concurrency)
  let size = 0
  const remember = (digest: Digest, read: () => Promise<RawManifest>): Promise<RawManifest> => {
    if (manifests.size - uncounted >= mostReferrers) throw referrerLimit(`more than ${mostReferrers} referrers`)
    const raw = read().then(counted)
    manifests.set(digest, raw)
    return raw
  }
  const counted = (raw: RawManifest): RawManifest => {
    size += raw.bytes.length
    if (size > mostBytes) throw referrerLimit(`referrers of more than ${mostBytes} bytes`)
    return raw
  }
  const read = async (digest: Digest, operation: OperationOptions): Promise<RawManifest> =>
    await (manifests.get(digest) ?? remember(digest, () => inTurn(() => readManifest(source, digest, operation))))

  const findByTag = async (tag: string, operation: OperationOptions): Promise<readonly Reference[]> => {
    const raw = await inTurn(() => readTaggedManifest(source, tag, operation))
    if (!raw) return []
    return [{ raw: await (manifests.get(raw.digest) ?? remember(raw.digest, async () => raw)), tag }]
  }
  const findBySubject = async (subject: Digest, operation: OperationOptions): Promise<readonly Reference[]> => {
    const listed = await inTurn(() => listReferrers(session, subject, operation))
    const found = await runAll(listed, operation, async (digest, each): Promise<readonly Reference[]> => {
      try {
        const raw = await read(digest, each)
        if (readSubject(raw)?.digest === subject) {
          return options.removeSignatures && isSignatureReferrer(raw) ? [] : [{ raw, subject }]
        }
        options.log('warn', `${digest} is listed as a referrer of ${subject} and is none`)
      } catch (error) {
        // A tag that lists referrers may name what has been deleted.
        if (!TransloadError.is(error, 'MANIFEST_UNKNOWN')) throw error
        options.log('warn', `${digest}, a referrer of ${subject}, is not there`)
      }
      return []
    })
    return found.flat()
  }
  return {
    readManifest: (digest, operation) =>
      reading(`reading manifest ${digest}`, operation, () => read(digest, operation)),
    async findReferrers(subject, operation) {
      const tags = attachedTags(subject).filter((tag) => !options.removeSignatures || tag !== signatureTag(subject))
      const found = await runAll([undefined, ...tags], operation, (tag, each) =>
        tag === undefined
          ? reading(`reading referrers of ${subject}`, each, () => findBySubject(subject, each))
          : reading(`reading ${tag}`, each, () => findByTag(tag, each)),
      )
      return found.flat()
    },
  }
}

export function referrerLimit(what: string): TransloadError {
  return new TransloadError('SIZE_LIMIT', `the image has ${what}, more than anybody needs`, {
    hint: 'Copy it without its referrers.',
  })
}

async function listReferrers(
  { source }: ReadSession,
  subject: Digest,
  operation: OperationOptions,
): Promise<readonly Digest[]> {
  const digests = new Set<Digest>()
  for await (const { digest } of source.readReferrers?.(subject, operation) ?? []) {
    if (digests.size === mostReferrers) throw referrerLimit(`more than ${mostReferrers} referrers`)
    digests.add(digest)
  }
  return [...digests]
}

async function reading<T>(what: string, { signal }: OperationOptions, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('source', 'plan', what, error)
  }
}
