import {
  isSchema1Type,
  parseDockerReference,
  parseManifest,
  repositoryName,
  TransloadError,
  type Descriptor,
  type ImageReference,
  type RawManifest,
} from '@transload/contract'

import { parseDockerVersion, parseImageConfig } from './image-config.ts'

/** What `inspect` shows (cli.md §7.1). Members come in this order; undefined ones are left out, null ones are shown. */
export interface Inspection {
  readonly Name: string | undefined
  /** Of schema 1 images only: what they call themselves. */
  readonly Tag: string | undefined
  readonly Digest: string
  readonly RepoTags: readonly string[] | null
  readonly Created: string | null
  readonly DockerVersion: string
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Architecture: string
  readonly Os: string
  readonly Layers: readonly string[]
  readonly LayersData: readonly LayerData[]
  readonly Env: readonly string[] | null
}

interface LayerData {
  readonly MIMEType: string
  readonly Digest: string
  readonly Size: number
  readonly Annotations: Readonly<Record<string, string>> | null
}

/** What schema 1 images without a time are from. */
const zeroTime = '0001-01-01T00:00:00Z'

export interface InspectedImage {
  readonly reference: ImageReference
  /** What the reference points at; `instance`: the image chosen in it. */
  readonly root: RawManifest
  readonly instance: RawManifest
  readonly config: Uint8Array
  /** null: the registry does not tell. */
  readonly tags: readonly string[] | null
}

/** Throws MANIFEST_INVALID. */
export function inspection({ reference, root, instance, config, tags }: InspectedImage): Inspection {
  const { created, architecture, os, config: container } = parseImageConfig(config)
  const { tag, layers } = readManifest(instance)
  return {
    Name: reference.name === undefined ? undefined : repositoryName(parseDockerReference(reference.name)),
    Tag: tag,
    Digest: root.digest,
    RepoTags: tags,
    Created: created ?? (isSchema1Type(instance.mediaType) ? zeroTime : null),
    DockerVersion: parseDockerVersion(config),
    Labels: container.Labels ?? null,
    Architecture: architecture,
    Os: os,
    Layers: layers.map(({ digest }) => digest),
    LayersData: layers.map(({ mediaType = '', digest, size = -1, annotations = null }) => ({
      MIMEType: mediaType,
      Digest: digest,
      Size: size,
      Annotations: annotations,
    })),
    Env: container.Env ?? null,
  }
}

interface ManifestFacts {
  readonly tag: string | undefined
  readonly layers: readonly (Partial<Descriptor> & Pick<Descriptor, 'digest'>)[]
}

function readManifest(instance: RawManifest): ManifestFacts {
  const manifest = parseManifest(instance)
  if (manifest.kind === 'image') return { tag: undefined, layers: manifest.layers }
  if (manifest.kind === 'schema1') {
    return { tag: manifest.tag || undefined, layers: manifest.layers.map(({ digest }) => ({ digest })) }
  }
  throw new TransloadError('MANIFEST_INVALID', `manifest ${instance.digest} is a list, not an image`)
}
