import {
  canonicalText,
  dockerPolicyScopes,
  familiarText,
  parseDockerReference,
  repositoryName,
  TransloadError,
  withDefaultTag,
  type Digest,
  type DockerReference,
  type ImageReference,
} from '@transload/contract'

export interface RegistryReference extends ImageReference {
  readonly scheme: 'docker'
  /** `host[:port]`, `docker.io` when the user named none. Connections to that one go to another name. */
  readonly host: string
  /** Path of the repository within the host. */
  readonly repository: string
  /** `latest` when the user gave neither a tag nor a digest; absent for a digest and for `@@unknown-digest@@`. */
  readonly tag?: string
  readonly digest?: Digest
  /** A destination only: upload under whatever digest the manifest turns out to have. */
  readonly unknownDigest?: true
}

const unknownDigestSuffix = '@@unknown-digest@@'

/**
 * `//NAME[:TAG][@DIGEST]` or `//NAME@@unknown-digest@@` (references.md §2.1). A tag together with a digest is
 * understood here; which operation takes one is decided when it is opened.
 */
export function parseRegistryReference(text: string): RegistryReference {
  if (!text.startsWith('//')) {
    throw new TransloadError('REFERENCE_INVALID', `docker: image reference ${text} does not start with //`, {
      hint: 'Write docker://HOST/NAME:TAG.',
    })
  }
  const rest = text.slice(2)
  if (!rest.endsWith(unknownDigestSuffix)) return registryReference(withDefaultTag(parseDockerReference(rest)))
  const name = parseDockerReference(rest.slice(0, -unknownDigestSuffix.length))
  if (name.tag !== undefined || name.digest !== undefined) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `docker: image reference ${JSON.stringify(rest)} has unknown digest set but it contains either a tag or digest`,
    )
  }
  const plain = registryReference(name)
  return { ...plain, text: `${plain.text}${unknownDigestSuffix}`, unknownDigest: true }
}

/** The same name as plain data. */
export function dockerReference({ host, repository, tag, digest }: RegistryReference): DockerReference {
  return {
    domain: host,
    path: repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

export function registryReference(name: DockerReference): RegistryReference {
  return {
    scheme: 'docker',
    text: `//${familiarText(name)}`,
    name: canonicalText(name),
    policyScopes: dockerPolicyScopes(name),
    host: name.domain,
    repository: name.path,
    ...(name.tag === undefined ? {} : { tag: name.tag }),
    ...(name.digest === undefined ? {} : { digest: name.digest }),
  }
}

/**
 * The reference to read: with a tag and a digest, the digest decides and the tag is dropped, as `podman pull` does.
 * Throws REFERENCE_INVALID for a reference without either.
 */
export function readableReference(reference: RegistryReference): RegistryReference {
  if (reference.unknownDigest) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `reading images from docker: reference ${JSON.stringify(reference.text)} without a tag or digest is not supported`,
    )
  }
  if (reference.tag === undefined || reference.digest === undefined) return reference
  return registryReference({ domain: reference.host, path: reference.repository, digest: reference.digest })
}

/** Throws REFERENCE_INVALID for a tag together with a digest: nothing can be stored under both. */
export function requireTagOrDigest(reference: RegistryReference): void {
  if (reference.tag !== undefined && reference.digest !== undefined) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `${fullName(reference)}: Docker references with both a tag and digest are currently not supported`,
      { hint: 'Leave out the tag or the digest.' },
    )
  }
}

/** `host/repository`. */
export function fullName(reference: RegistryReference): string {
  return repositoryName({ domain: reference.host, path: reference.repository })
}
