import {
  parseManifest,
  readSubject,
  TransloadError,
  type Digest,
  type OperationOptions,
  type RawManifest,
} from '@transload/contract'

import { createLimiter, runAll } from './bounded.ts'
import { readManifest } from './read-manifest.ts'
import type { ImageManifest, SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

/** A manifest that is copied because it refers to one that is. */
export interface SelectedReferrer {
  readonly raw: RawManifest
  /** Absent for an index. */
  readonly manifest?: ImageManifest
  /** Named by an index that refers to something, rather than referring to something itself. */
  readonly isPart: boolean
}

/** Nobody signs the signature of a signature of … for long, nor has thousands of them on purpose. */
const deepest = 8
const mostReferrers = 1000
const mostBytes = 64 * 1024 * 1024

/**
 * Adds what refers to the manifests selected, and to that in turn, each before what it refers to and after its parts, so
 * that nothing is seen at the destination before what speaks for it. A source that keeps no referrers has none. Throws
 * TransferError, and SIZE_LIMIT for more than anybody needs.
 */
export async function withReferrers(session: CopySession, selected: SelectedImages): Promise<SelectedImages> {
  const { options } = session
  const { index, images } = selected
  const known = new Set([...(index ? [index, ...index.nested] : []), ...images].map(({ raw }) => raw.digest))
  const reader = createReader(session)
  const inTurn = createLimiter(options.concurrency)
  const referrers: SelectedReferrer[] = []
  let subjects: readonly Digest[] = [...known]
  for (let depth = 0; subjects.length > 0; depth++) {
    if (depth > deepest) throw limit(`referrers nested deeper than ${deepest}`)
    const found = await runAll(subjects, options, (subject, operation) =>
      inTurn(() => readReferrersOf(session, subject, known, reader, operation)),
    )
    for (const raw of found.flat()) referrers.unshift(...(await withParts(raw, known, reader, options)))
    subjects = found.flat().map(({ digest }) => digest)
  }
  return { ...selected, referrers }
}

type Reader = (digest: Digest, operation: OperationOptions) => Promise<RawManifest>

/** Reads so many manifests, and so many bytes of them, as anybody needs. */
function createReader({ source }: CopySession): Reader {
  let count = 0
  let size = 0
  return async (digest, operation) => {
    if (++count > mostReferrers) throw limit(`more than ${mostReferrers} referrers`)
    const raw = await readManifest(source, digest, operation)
    size += raw.bytes.length
    if (size > mostBytes) throw limit(`referrers of more than ${mostBytes} bytes`)
    return raw
  }
}

async function readReferrersOf(
  { source, options: { log } }: CopySession,
  subject: Digest,
  known: Set<Digest>,
  read: Reader,
  operation: OperationOptions,
): Promise<readonly RawManifest[]> {
  const referrers: RawManifest[] = []
  await reading(`reading referrers of ${subject}`, operation, async () => {
    for await (const { digest } of source.readReferrers?.(subject, operation) ?? []) {
      if (known.has(digest)) continue
      known.add(digest)
      try {
        const raw = await read(digest, operation)
        if (readSubject(raw)?.digest === subject) referrers.push(raw)
        else log('warn', `${digest} is listed as a referrer of ${subject} and is none`)
      } catch (error) {
        // A tag that lists referrers may name what has been deleted.
        if (!TransloadError.is(error, 'MANIFEST_UNKNOWN')) throw error
        log('warn', `${digest}, a referrer of ${subject}, is not there`)
      }
    }
  })
  return referrers
}

/** A referrer, behind the manifests it names if it is an index. */
async function withParts(
  raw: RawManifest,
  known: Set<Digest>,
  read: Reader,
  operation: OperationOptions,
  isPart = false,
): Promise<readonly SelectedReferrer[]> {
  const manifest = parseManifest(raw)
  if (manifest.kind === 'image') return [{ raw, manifest, isPart }]
  if (manifest.kind === 'schema1') return []
  const parts: SelectedReferrer[] = []
  for (const { digest } of manifest.manifests) {
    if (known.has(digest)) continue
    known.add(digest)
    const part = await reading(`reading manifest ${digest}`, operation, () => read(digest, operation))
    parts.push(...(await withParts(part, known, read, operation, true)))
  }
  return [...parts, { raw, isPart }]
}

async function reading<T>(what: string, { signal }: OperationOptions, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    signal?.throwIfAborted()
    throw new TransferError('source', 'plan', what, error)
  }
}

function limit(what: string): TransloadError {
  return new TransloadError('SIZE_LIMIT', `the image has ${what}, more than anybody needs`, {
    hint: 'Copy it without its referrers.',
  })
}
