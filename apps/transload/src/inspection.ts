import {
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
  const layers = readLayers(instance)
  return {
    Name: reference.name === undefined ? undefined : repositoryName(parseDockerReference(reference.name)),
    Digest: root.digest,
    RepoTags: tags,
    Created: created ?? null,
    DockerVersion: parseDockerVersion(config),
    Labels: container.Labels ?? null,
    Architecture: architecture,
    Os: os,
    Layers: layers.map(({ digest }) => digest),
    LayersData: layers.map(({ mediaType, digest, size, annotations }) => ({
      MIMEType: mediaType,
      Digest: digest,
      Size: size,
      Annotations: annotations ?? null,
    })),
    Env: container.Env ?? null,
  }
}

function readLayers(instance: RawManifest): readonly Descriptor[] {
  const manifest = parseManifest(instance)
  if (manifest.kind === 'image') return manifest.layers
  throw new TransloadError('MANIFEST_INVALID', `manifest ${instance.digest} is a list, not an image`)
}
