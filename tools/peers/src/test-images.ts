import { existsSync } from 'node:fs'

import { peersDirectory } from './peers-directory.ts'

/** Every test image: the transport it is kept in, and what is in it. */
export const testImages = {
  base: { scheme: 'oci', content: 'Debian, 9 gzip layers by umoci: hard links, long names, xattrs, whiteouts' },
  zstd: { scheme: 'oci', content: 'base with zstd layers, by skopeo' },
  docker: { scheme: 'dir', content: 'base as a Docker schema 2 manifest, by skopeo' },
  'index-oci': { scheme: 'oci', content: 'an OCI index of three platforms that share a layer, by buildah' },
  'index-docker': { scheme: 'dir', content: 'the same as a Docker manifest list' },
  runnable: { scheme: 'oci', content: 'a shell and cat, which a container engine can run; it prints /hello' },
  repeated: { scheme: 'oci', content: 'the same layer of an empty directory six times' },
  small: { scheme: 'oci', content: '3 incompressible layers of 1 MB' },
  many: { scheme: 'oci', content: '60 incompressible layers of 100 kB' },
  debian: { scheme: 'oci', content: 'the whole Debian root, 8 gzip layers' },
  large: { scheme: 'oci', content: 'one incompressible layer of 1 GiB' },
} as const

export type TestImageName = keyof typeof testImages

/** Where the image's files are, whether they are there or not. */
export function testImageDirectory(name: TestImageName): string {
  return `${peersDirectory()}/images/${name}`
}

/** The image as skopeo names it (`oci:DIRECTORY:latest`, `dir:DIRECTORY`); throws, saying how to make it, if it is not there. */
export function testImage(name: TestImageName): string {
  const directory = testImageDirectory(name)
  if (!existsSync(directory))
    throw new Error(`no test image ${name}: run "node tools/peers/src/make-images.ts ${name}"`)
  return testImageReference(name, directory)
}

export function testImageReference(name: TestImageName, directory: string): string {
  return testImages[name].scheme === 'oci' ? `oci:${directory}:latest` : `dir:${directory}`
}
