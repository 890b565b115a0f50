import { readSubject, TransloadError, type Digest, type OperationOptions, type RawManifest } from '@transload/contract'

import { attachedTags, signatureTag } from './attached-tags.ts'
import { createLimiter, runAll } from './bounded.ts'
import { parseReferrer } from './parse-referrer.ts'
import { readManifest, readTaggedManifest } from './read-manifest.ts'
import type { ImageManifest, SelectedImages, SelectedManifest } from './select-images.ts'
import type { ReadSession } from './session.ts'
import { isSignatureReferrer } from './signature-referrer.ts'
import { TransferError } from './transfer-error.ts'

/**
 * A manifest that is copied because it refers to one that is: by its subject, by its tags, or both; by neither if it is
 * there only because an index that does names it.
 */
export interface SelectedReferrer {
  readonly raw: RawManifest
  /** Absent for an index. */
  readonly manifest?: ImageManifest
  readonly subject?: Digest
  readonly tags: readonly string[]
  /** 0 for what refers to an image, 1 for what refers to that, … */
  readonly depth: number
}

/** Nobody signs the signature of a signature of … for long, nor has thousands of them on purpose. */
const deepest = 8
const mostReferrers = 1000
const mostBytes = 64 * 1024 * 1024

/**
 * Adds what refers to the manifests selected, by subject or by tag ({@link attachedTags}), and to that in turn, each
 * before what it refers to and after its parts, so that nothing is seen at the destination before what speaks for it.
 * Signatures stay where signatures are to be left out; those that a tag brings are not carried over once more. A source
 * that keeps no referrers has none. Throws TransferError, and SIZE_LIMIT for more than anybody needs.
 */
export async function withReferrers(session: ReadSession, selected: SelectedImages): Promise<SelectedImages> {
  const { options } = session
  const { index, images } = selected
  const roots = [...(index ? [index, ...index.nested] : []), ...images].map(({ raw }) => raw)
  const search = createSearch(session, roots)
  const levels: SelectedReferrer[][] = []
  let subjects: readonly Digest[] = [...search.roots]
  for (let depth = 0; subjects.length > 0; depth++) {
    if (depth > deepest) throw limit(`referrers nested deeper than ${deepest}`)
    const found = await runAll(subjects, options, (subject, operation) => findReferrers(search, subject, operation))
    const added = found.flat().filter((reference) => note(search, reference))
    const level: SelectedReferrer[] = []
    for (const { raw } of added) level.push(...(await withParts(search, raw, depth, options)))
    levels.unshift(level)
    subjects = added.map(({ raw }) => raw.digest).filter((digest) => !search.roots.has(digest))
  }
  const referrers = levels.flat().map((referrer) => Object.assign(referrer, search.reasons.get(referrer.raw.digest)))
  return { ...withoutTagged(selected, referrers), referrers }
}

/** One reason to copy a manifest. */
interface Reference {
  readonly raw: RawManifest
  readonly subject?: Digest
  readonly tag?: string
}

interface Search {
  readonly session: ReadSession
  readonly roots: ReadonlySet<Digest>
  readonly reasons: Map<Digest, { subject?: Digest; tags: string[] }>
  /** Of what is copied as a part of something else already. */
  readonly parts: Set<Digest>
  readonly inTurn: ReturnType<typeof createLimiter>
  /** Each once; so many manifests, and so many bytes of them, as anybody needs. */
  readonly read: (digest: Digest, operation: OperationOptions) => Promise<RawManifest>
  readonly readTag: (tag: string, operation: OperationOptions) => Promise<RawManifest | undefined>
}

function createSearch(session: ReadSession, manifests: readonly RawManifest[]): Search {
  const { source, options } = session
  const known = new Map(manifests.map((raw) => [raw.digest, Promise.resolve(raw)]))
  const roots = new Set(known.keys())
  let size = 0
  const remember = (digest: Digest, read: () => Promise<RawManifest>): Promise<RawManifest> => {
    if (known.size - roots.size >= mostReferrers) throw limit(`more than ${mostReferrers} referrers`)
    const raw = read().then(counted)
    known.set(digest, raw)
    return raw
  }
  const counted = (raw: RawManifest): RawManifest => {
    size += raw.bytes.length
    if (size > mostBytes) throw limit(`referrers of more than ${mostBytes} bytes`)
    return raw
  }
  const inTurn = createLimiter(options.concurrency)
  return {
    session,
    roots,
    reasons: new Map(),
    parts: new Set(),
    inTurn,
    read: async (digest, operation) =>
      await (known.get(digest) ?? remember(digest, () => inTurn(() => readManifest(source, digest, operation)))),
    async readTag(tag, operation) {
      const raw = await inTurn(() => readTaggedManifest(source, tag, operation))
      return raw && (await (known.get(raw.digest) ?? remember(raw.digest, async () => raw)))
    },
  }
}

/** By subject, then by tag. */
async function findReferrers(
  search: Search,
  subject: Digest,
  operation: OperationOptions,
): Promise<readonly Reference[]> {
  const { removeSignatures } = search.session.options
  const tags = attachedTags(subject).filter((tag) => !removeSignatures || tag !== signatureTag(subject))
  const [bySubject, ...byTag] = await Promise.all([
    findBySubject(search, subject, operation),
    ...tags.map((tag) =>
      reading(`reading ${tag}`, operation, async () => {
        const raw = await search.readTag(tag, operation)
        return raw ? [{ raw, tag }] : []
      }),
    ),
  ])
  return [...bySubject, ...byTag.flat()]
}

async function findBySubject(
  { session, inTurn, read }: Search,
  subject: Digest,
  operation: OperationOptions,
): Promise<readonly Reference[]> {
  const { source, options } = session
  return await reading(`reading referrers of ${subject}`, operation, async () => {
    const listed = await inTurn(async () => {
      const digests = new Set<Digest>()
      for await (const { digest } of source.readReferrers?.(subject, operation) ?? []) {
        if (digests.size === mostReferrers) throw limit(`more than ${mostReferrers} referrers`)
        digests.add(digest)
      }
      return digests
    })
    const found = await runAll([...listed], operation, async (digest, each): Promise<readonly Reference[]> => {
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
  })
}

/** Whether this is the first reason to copy that manifest. */
function note({ reasons, parts }: Search, { raw, subject, tag }: Reference): boolean {
  const known = reasons.get(raw.digest)
  const reason = known ?? { tags: [] }
  reasons.set(raw.digest, reason)
  if (subject !== undefined) reason.subject = subject
  if (tag !== undefined) reason.tags.push(tag)
  return known === undefined && !parts.has(raw.digest)
}

/** A referrer, behind the manifests it names if it is an index. */
async function withParts(
  search: Search,
  raw: RawManifest,
  depth: number,
  operation: OperationOptions,
): Promise<readonly SelectedReferrer[]> {
  const manifest = parseReferrer(raw)
  const referrer = { raw, tags: [], depth }
  if (manifest.kind === 'image') return [{ ...referrer, manifest }]
  if (manifest.kind === 'schema1') return []
  const parts: SelectedReferrer[] = []
  for (const { digest } of search.roots.has(raw.digest) ? [] : manifest.manifests) {
    if (search.roots.has(digest) || search.reasons.has(digest) || search.parts.has(digest)) continue
    search.parts.add(digest)
    const part = await reading(`reading manifest ${digest}`, operation, () => search.read(digest, operation))
    parts.push(...(await withParts(search, part, depth, operation)))
  }
  return [...parts, referrer]
}

/** Without the signatures that are in a tag which is copied. */
function withoutTagged(selected: SelectedImages, referrers: readonly SelectedReferrer[]): SelectedImages {
  const tags = new Set(referrers.flatMap((referrer) => referrer.tags))
  const keepOthers = <M extends SelectedManifest>(one: M): M =>
    tags.has(signatureTag(one.raw.digest))
      ? { ...one, signatures: one.signatures.filter(({ kind }) => kind !== 'sigstore') }
      : one
  const { index, images } = selected
  return {
    ...selected,
    ...(index ? { index: { ...keepOthers(index), nested: index.nested.map(keepOthers) } } : {}),
    images: images.map(keepOthers),
  }
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
