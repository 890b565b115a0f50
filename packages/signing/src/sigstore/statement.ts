import { displayJson, isDigest, type Claim, type Digest } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { exactMembers, isJsonObject, parseSignedJson } from '../signed-json.ts'

/**
 * What a bundle that is a signature states (in-toto, one subject): the image of this digest. Its name is the subject's
 * `name`, which our signer writes; cosign, which writes none and verifies either, can be told to say it in the annotation
 * `docker-reference` (`cosign sign -a docker-reference=NAME`). Attestations state other things and are refused.
 * Throws SIGNATURE_INVALID.
 */
export function parseStatement(bytes: Uint8Array): Claim {
  const statement = parseSignedJson(bytes, 'the signed statement')
  const { _type: type, predicateType, subject } = exactMembers(statement, members, 'the signed statement')
  if (!statementTypes.includes(type)) throw invalidSignature(`Unrecognized statement type ${displayJson(type)}`)
  if (predicateType !== signaturePredicate) {
    throw invalidSignature(`the bundle states ${displayJson(predicateType)}, which is not a signature`)
  }
  const [only, ...more] = Array.isArray(subject) ? (subject as unknown[]) : []
  if (!isJsonObject(only) || more.length > 0) throw invalidSignature('the signed statement has not exactly one subject')
  return parseSubject(only)
}

/** The type of what bundles sign. */
export const statementMediaType = 'application/vnd.in-toto+json'
/** What cosign signs images with. */
export const signaturePredicate = 'https://sigstore.dev/cosign/sign/v1'

const statementTypes: readonly unknown[] = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']
const members: readonly string[] = ['_type', 'subject', 'predicateType', 'predicate']

function parseSubject({ digest, name, annotations }: Readonly<Record<string, unknown>>): Claim {
  const manifest = manifestOf(digest)
  const annotated = isJsonObject(annotations) ? annotations['docker-reference'] : undefined
  const names = [...new Set([name, annotated])].filter((value) => value !== undefined && value !== '')
  const [identity] = names
  if (identity === undefined) return { manifest }
  if (names.length > 1) throw invalidSignature(`the subject has two names, ${names.map(displayJson).join(' and ')}`)
  if (typeof identity !== 'string') throw invalidSignature(`the subject's name is ${displayJson(identity)}`)
  return { manifest, identity }
}

/** In-toto gives digests by algorithm; cosign's are SHA-256. */
function manifestOf(digest: unknown): Digest {
  const [[algorithm, hex] = [], ...more] = isJsonObject(digest) ? Object.entries(digest) : []
  const text = `${algorithm}:${typeof hex === 'string' ? hex : ''}`
  if (more.length > 0 || !isDigest(text)) throw invalidSignature('the subject has not exactly one digest of a manifest')
  return text
}
