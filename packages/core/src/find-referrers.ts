import type { Digest, OperationOptions, RawManifest } from '@transload/contract'

import { signatureTag } from './attached-tags.ts'
import { runAll } from './bounded.ts'
import { parseReferrer } from './parse-referrer.ts'
import { createReferrerReader, referrerLimit, type Reference, type ReferrerReader } from './referrer-reader.ts'
import type { ImageManifest, SelectedImages, SelectedManifest } from './select-images.ts'
import type { ReadSession } from './session.ts'

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
  /** 0 for what refers to an image, 1 for what refers to that, …; the largest there is a reason for. */
  readonly depth: number
}

/** Nobody signs the signature of a signature of … for long. */
const deepest = 8

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
  const search = {
    roots: new Set(roots.map(({ digest }) => digest)),
    found: new Map<Digest, FoundReferrer>(),
    reader: createReferrerReader(session, roots),
  }
  let subjects: readonly Digest[] = [...search.roots]
  for (let depth = 0; subjects.length > 0; depth++) {
    if (depth > deepest) throw referrerLimit(`referrers nested deeper than ${deepest}`)
    const references = await runAll(subjects, options, (subject, operation) =>
      search.reader.findReferrers(subject, operation),
    )
    const added: RawManifest[] = []
    for (const reference of references.flat()) added.push(...(await add(search, reference, depth, options)))
    subjects = added.map(({ digest }) => digest).filter((digest) => !search.roots.has(digest))
  }
  const referrers = [...search.found.values()].sort((a, b) => b.depth - a.depth)
  return { ...withoutTagged(selected, referrers), referrers }
}

interface FoundReferrer extends SelectedReferrer {
  subject?: Digest
  tags: string[]
  depth: number
}

interface Search {
  readonly roots: ReadonlySet<Digest>
  /** What an index names before the index. */
  readonly found: Map<Digest, FoundReferrer>
  readonly reader: ReferrerReader
}

/** Returns what has not been found before: the manifest, behind those that it names if it is an index. */
async function add(
  search: Search,
  { raw, subject, tag }: Reference,
  depth: number,
  operation: OperationOptions,
): Promise<readonly RawManifest[]> {
  const { roots, found, reader } = search
  const known = found.get(raw.digest)
  const manifest = parseReferrer(raw)
  if (manifest.kind === 'schema1') return []
  const referrer = known ?? { raw, ...(manifest.kind === 'image' ? { manifest } : {}), tags: [], depth }
  if (subject !== undefined) referrer.subject = subject
  if (tag !== undefined) referrer.tags.push(tag)
  referrer.depth = Math.max(referrer.depth, depth)
  if (known) return []
  const added: RawManifest[] = []
  for (const { digest } of manifest.kind === 'index' && !roots.has(raw.digest) ? manifest.manifests : []) {
    if (!roots.has(digest)) {
      added.push(...(await add(search, { raw: await reader.readManifest(digest, operation) }, depth, operation)))
    }
  }
  found.set(raw.digest, referrer)
  return [...added, raw]
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
