import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

import { processOutput } from '@transload/peers'

import { readTree } from '../read-tree.ts'
import type { Site } from './site.ts'

export type ImageFormat = 'OCI' | 'Docker'

/** A kind of place that images are written to. */
export interface Place {
  readonly name: string
  /** What it does to layers that are in another state. */
  readonly layers: 'compressed' | 'uncompressed' | 'as they are'
  /** Takes lists, OCI manifests and artifacts; else Docker images only. */
  readonly holdsAnything: boolean
  /** The formats of manifests that it stores as they are. */
  readonly keepsManifests: readonly ImageFormat[]
  /** Refuses a list without its images. */
  readonly wantsImagesOfLists?: boolean
  /** The name of the image `label` of `owner`, in which nothing else tells the owner. */
  imageName(site: Site, owner: string, label: string): Promise<string>
  /** The files an image is kept in, as path → digest; absent where they are not to be seen. */
  readFiles?(site: Site, owner: string, label: string): Promise<Readonly<Record<string, string>>>
}

export const places: readonly Place[] = [
  {
    name: 'docker-registry',
    keepsManifests: ['OCI', 'Docker'],
    layers: 'compressed',
    holdsAnything: true,
    wantsImagesOfLists: true,
    imageName: async ({ registries }, owner, label) => `docker://${registries.docker}/${owner}/${label}:v1`,
  },
  {
    name: 'transload serve',
    keepsManifests: ['OCI', 'Docker'],
    layers: 'compressed',
    holdsAnything: true,
    imageName: async ({ registries }, owner, label) => `docker://${registries.transload}/${owner}/${label}:v1`,
  },
  {
    name: 'oci',
    keepsManifests: ['OCI'],
    layers: 'compressed',
    holdsAnything: true,
    imageName: async (...named) => `oci:${await pathOf('oci', ...named)}:v1`,
    readFiles: async (...named) => await readTree(await pathOf('oci', ...named)),
  },
  {
    name: 'oci-archive',
    keepsManifests: ['OCI'],
    layers: 'compressed',
    holdsAnything: true,
    imageName: async (...named) => `oci-archive:${await pathOf('oci-archive', ...named)}:v1`,
    readFiles: async (...named) => await readArchive(named[0], await pathOf('oci-archive', ...named)),
  },
  {
    name: 'dir',
    keepsManifests: ['OCI', 'Docker'],
    layers: 'as they are',
    holdsAnything: true,
    imageName: async (...named) => `dir:${await pathOf('dir', ...named)}`,
    readFiles: async (...named) => await readTree(await pathOf('dir', ...named)),
  },
  {
    name: 'docker-archive',
    keepsManifests: [],
    layers: 'uncompressed',
    holdsAnything: false,
    imageName: async (...named) => `docker-archive:${await pathOf('docker-archive', ...named)}:example.com/app:v1`,
    readFiles: async (...named) => await readArchive(named[0], await pathOf('docker-archive', ...named)),
  },
]

async function pathOf(kind: string, { folder }: Site, owner: string, label: string): Promise<string> {
  const path = `${folder}/${kind}/${owner}/${label}`
  await mkdir(dirname(path), { recursive: true })
  return path
}

async function readArchive(site: Site, path: string): Promise<Readonly<Record<string, string>>> {
  const unpacked = site.newPath()
  await mkdir(unpacked)
  const { code, stderr } = await processOutput('tar', ['-x', '-f', path, '-C', unpacked])
  if (code !== 0) throw new Error(stderr)
  return await readTree(unpacked)
}
