import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, testImage } from '@transload/peers'

import type { ImageFormat, Place } from './places.ts'
import { succeeding, type Site } from './site.ts'

/** An image, and how it is asked for. */
export interface ImageCase {
  readonly name: string
  /** Names it at every place. */
  readonly label: string
  readonly source: (site: Site) => string
  /** Select what is copied of a list; they mean the same when it is written and when it is read again. */
  readonly flags: readonly string[]
  /** Only places that hold anything hold it. */
  readonly special: boolean
  readonly format: ImageFormat
  readonly layers: 'compressed' | 'uncompressed'
  /** The images of the list stay behind. */
  readonly indexOnly?: boolean
}

const plain = { flags: [], special: false, format: 'OCI', layers: 'compressed' } as const
const all = { flags: ['--all'], special: true, format: 'OCI', layers: 'compressed' } as const

const cases: readonly Omit<ImageCase, 'label'>[] = [
  { ...plain, name: 'OCI, gzip, hard links, long names, xattrs', source: () => testImage('base') },
  { ...plain, name: 'OCI, zstd', source: () => testImage('zstd') },
  { ...plain, name: 'Docker, gzip', source: () => testImage('docker'), format: 'Docker' },
  { ...plain, name: 'OCI, uncompressed', source: ({ folder }) => `dir:${folder}/uncompressed`, layers: 'uncompressed' },
  { ...plain, name: 'six times the same empty layer', source: () => testImage('repeated') },
  { ...plain, name: '60 layers', source: () => testImage('many') },
  { ...all, name: 'OCI index, all', source: () => testImage('index-oci') },
  {
    ...all,
    name: 'Docker list, all',
    source: () => testImage('index-docker'),
    format: 'Docker',
    layers: 'uncompressed',
  },
  { ...plain, name: 'OCI index, system', source: () => testImage('index-oci') },
  {
    ...plain,
    name: 'Docker list, system',
    source: () => testImage('index-docker'),
    format: 'Docker',
    layers: 'uncompressed',
  },
  {
    ...all,
    name: 'OCI index, index only',
    source: () => testImage('index-oci'),
    flags: ['--multi-arch', 'index-only'],
    indexOnly: true,
  },
  { ...all, name: 'artifact', source: ({ folder }) => `oci:${folder}/artifact:v1`, flags: [] },
]

export const imageCases = cases.map((imageCase, index): ImageCase =>
  Object.assign({ label: `image-${index}` }, imageCase),
)

export function isTaken({ special, indexOnly }: ImageCase, { holdsAnything, wantsImagesOfLists }: Place): boolean {
  return (holdsAnything || !special) && !(indexOnly && wantsImagesOfLists)
}

/** Makes what the cases above find in the site's folder, with skopeo and oras. */
export async function makeSiteImages({ folder, skopeo }: Site): Promise<void> {
  await succeeding(skopeo.copy(['--dest-decompress'], testImage('small'), `dir:${folder}/uncompressed`))
  const files = join(folder, 'artifact-files')
  await mkdir(files)
  await writeFile(join(files, 'notes.txt'), 'an artifact is not an image\n')
  await writeFile(join(files, 'more.json'), '{}\n')
  const artifact = ['--oci-layout', `${folder}/artifact:v1`, '--artifact-type', 'application/vnd.example.notes']
  await peer('oras').output(['push', ...artifact, 'notes.txt:text/plain', 'more.json:application/json'], { cwd: files })
}
