import {
  canonicalText,
  dockerPolicyScopes,
  familiarText,
  parseDockerReference,
  TransloadError,
  type DockerReference,
  type ImageReference,
} from '@transload/contract'

/** A tag of an image stream of OpenShift. */
export interface ImageStreamReference extends ImageReference {
  readonly scheme: 'atomic'
  /** Where its registry is, `host[:port]`. */
  readonly host: string
  readonly namespace: string
  readonly stream: string
  readonly tag: string
}

/** `HOST/NAMESPACE/STREAM:TAG` (references.md §2.9). Throws REFERENCE_INVALID. */
export function parseImageStreamReference(text: string): ImageStreamReference {
  const name = parseDockerReference(text)
  const { tag } = name
  if (tag === undefined || name.digest !== undefined) throw invalid(`reference ${text}`)
  const [namespace, stream, ...rest] = name.path.split('/')
  if (namespace === undefined || stream === undefined || rest.length > 0) {
    throw invalid(`reference: ${familiarText(name)}`)
  }
  return {
    scheme: 'atomic',
    text: familiarText(name),
    name: canonicalText(name),
    policyScopes: dockerPolicyScopes(name),
    host: name.domain,
    namespace,
    stream,
    tag,
  }
}

/** The same as the registry has it. */
export function registryName({ host, namespace, stream, tag }: ImageStreamReference): DockerReference {
  return { domain: host, path: `${namespace}/${stream}`, tag }
}

function invalid(what: string): TransloadError {
  return new TransloadError(
    'REFERENCE_INVALID',
    `invalid image ${what}, expected format: 'hostname/namespace/stream:tag'`,
  )
}
