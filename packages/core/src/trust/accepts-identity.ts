import {
  canonicalText,
  parseDockerReference,
  repositoryName,
  TransloadError,
  type DockerReference,
  type IdentityMatcher,
  type ImageReference,
} from '@transload/contract'

/**
 * May a signature for `identity` speak for the image, which the user knows as `reference` (trust.md §1.5)? Not if it names
 * no image, unless the matcher says that it need not.
 */
export function acceptsIdentity(
  matcher: IdentityMatcher,
  reference: ImageReference,
  identity: string | undefined,
): boolean {
  if (identity === undefined) return matcher.type === 'notOtherRepository'
  const signed = parseName(identity)
  if (!signed) return false
  const wanted = reference.name === undefined ? undefined : parseName(reference.name)
  switch (matcher.type) {
    case 'matchExact':
      return wanted !== undefined && isSameName(wanted, signed)
    case 'matchRepoDigestOrExact':
      return wanted !== undefined && isSameNameOrDigest(wanted, signed)
    case 'matchRepository':
      return wanted !== undefined && isSameRepository(wanted, signed)
    case 'exactReference': {
      const exact = parseName(matcher.dockerReference)
      return exact !== undefined && isSameName(exact, signed)
    }
    case 'exactRepository': {
      const exact = parseName(matcher.dockerRepository)
      return exact !== undefined && isSameRepository(exact, signed)
    }
    case 'remapIdentity': {
      const remapped = wanted && remap(wanted, matcher)
      return remapped !== undefined && isSameNameOrDigest(remapped, signed)
    }
    case 'notOtherRepository':
      return wanted === undefined || isSameRepository(wanted, signed)
    default:
      return false
  }
}

/** Both say which image of the repository, and say the same. */
function isSameName(wanted: DockerReference, signed: DockerReference): boolean {
  return !isNameOnly(wanted) && !isNameOnly(signed) && canonicalText(wanted) === canonicalText(signed)
}

/** Of an image wanted by its digest only the repository has to be the same: that the digest is, has been checked. */
function isSameNameOrDigest(wanted: DockerReference, signed: DockerReference): boolean {
  if (isNameOnly(signed) || isNameOnly(wanted)) return false
  return wanted.tag === undefined ? isSameRepository(wanted, signed) : isSameName(wanted, signed)
}

function isSameRepository(wanted: DockerReference, signed: DockerReference): boolean {
  return repositoryName(wanted) === repositoryName(signed)
}

function isNameOnly({ tag, digest }: DockerReference): boolean {
  return tag === undefined && digest === undefined
}

/** As it was where it was signed; unchanged if the prefix is not its own. Undefined if that is no name. */
function remap(
  wanted: DockerReference,
  { prefix, signedPrefix }: Extract<IdentityMatcher, { type: 'remapIdentity' }>,
): DockerReference | undefined {
  const name = repositoryName(wanted)
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return wanted
  const text = `${signedPrefix}${canonicalText(wanted).slice(prefix.length)}`
  const remapped = parseName(text)
  // A prefix without a host would be taken for one of Docker Hub.
  return remapped && canonicalText(remapped) === text ? remapped : undefined
}

function parseName(text: string): DockerReference | undefined {
  try {
    return parseDockerReference(text)
  } catch (error) {
    if (TransloadError.is(error)) return undefined
    throw error
  }
}
