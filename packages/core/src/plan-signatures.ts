import {
  canonicalText,
  displayText,
  parseDockerReference,
  referenceText,
  TransloadError,
  type DockerReference,
} from '@transload/contract'

import type { PlannedSignatures } from './copy-plan.ts'
import type { PlanDestination, PlanOptions } from './plan-manifest.ts'
import type { SelectedManifest } from './select-images.ts'

/**
 * What is to become of a manifest's signatures, and how many are added (copy-engine.md §10). Throws SIGNATURES_LOST
 * where some are to be carried that the destination cannot hold.
 */
export function planSignatures(
  { signatures }: Pick<SelectedManifest, 'signatures'>,
  destination: PlanDestination,
  { removeSignatures, signers }: PlanOptions,
): PlannedSignatures {
  const added = signers.length > 0 ? { added: signers.length } : {}
  if (removeSignatures) return { fate: 'drop', count: 0, ...added }
  if (signatures.length === 0) return { fate: 'none', count: 0, ...added }
  if (destination.signatures) return { fate: 'carry', count: signatures.length, ...added }
  throw new TransloadError(
    'SIGNATURES_LOST',
    `Can not copy signatures to ${nameOf(destination)}: ${noSignaturesReason(destination)}`,
    {
      hint:
        destination.traits.referrers && signatures.every(({ kind }) => kind === 'sigstore')
          ? 'To copy them as they are attached to the image use --with-referrers; to copy without them --remove-signatures.'
          : 'To copy without the signatures use --remove-signatures.',
    },
  )
}

/**
 * What new signatures are to call the image; undefined if there are none to make. Throws REFERENCE_INVALID where nothing
 * says it, and UNSUPPORTED where the destination has no place for what the signers make.
 */
export function planSignIdentity(
  destination: PlanDestination,
  { signers, signIdentity }: PlanOptions,
): string | undefined {
  if (signers.length === 0) return undefined
  const identity = signIdentity ?? destination.reference.name
  if (identity === undefined) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `Cannot determine canonical Docker reference for destination ${nameOf(destination)}`,
      { hint: 'Say what the signature is to call the image: --sign-identity HOST/NAME:TAG.' },
    )
  }
  const reference = parseDockerReference(identity)
  if (isNameOnly(reference)) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `Sign identity must be a fully specified reference ${canonicalText(reference)}`,
      { hint: `Add a tag: ${canonicalText({ ...reference, tag: 'latest' })}.` },
    )
  }
  const makes = new Set(signers.map((signer) => signer.makes))
  const makesStored = makes.has('simple') || makes.has('sigstore')
  if (makesStored && !destination.signatures) throw cannotStore(noSignaturesReason(destination))
  if (makes.has('bundle') && !destination.traits.referrers) {
    throw cannotStore(`Storing referrers for ${destination.reference.scheme}: images is not supported`)
  }
  return canonicalText(reference)
}

function isNameOnly({ tag, digest }: DockerReference): boolean {
  return tag === undefined && digest === undefined
}

function cannotStore(reason: string): TransloadError {
  return new TransloadError('UNSUPPORTED', `writing signatures: ${reason}`)
}

function noSignaturesReason({ reference, traits }: PlanDestination): string {
  return traits.noSignaturesReason ?? `Storing signatures for ${reference.scheme}: images is not supported`
}

function nameOf({ reference }: PlanDestination): string {
  return displayText(referenceText(reference))
}
