import { digestAlgorithm, digestHex, type Digest } from '@transload/contract'

/** Names of the files of an image in a directory. `dir:` has no other specification than what skopeo reads. */
export const manifestFile = 'manifest.json'
export const versionFile = 'version'

/** Version 1.2 is for digests that are not sha256, whose files carry the name of the algorithm. */
export type DirVersion = '1.0' | '1.1' | '1.2'

const versions: readonly DirVersion[] = ['1.0', '1.1', '1.2']

export function versionLine(version: DirVersion): string {
  return `Directory Transport Version: ${version}\n`
}

/** Whether a `version` file says that its directory is an image, byte for byte. */
export function isVersionLine(content: string): boolean {
  return versions.some((version) => content === versionLine(version))
}

export function blobFileName(digest: Digest): string {
  const algorithm = digestAlgorithm(digest)
  return algorithm === 'sha256' ? digestHex(digest) : `${algorithm}-${digestHex(digest)}`
}

/** Of a manifest that is not the root. */
export function instanceFileName(digest: Digest): string {
  return `${blobFileName(digest)}.${manifestFile}`
}

/** `position` counts from 1. `instance` is the manifest's digest unless it is the root. */
export function signatureFileName(position: number, instance: Digest | undefined): string {
  return `${instance === undefined ? '' : `${blobFileName(instance)}.`}signature-${position}`
}

/** Whether the format gives a file this name; what else lies in the directory is somebody else's. */
export function isImageFileName(name: string): boolean {
  return (
    name === manifestFile ||
    name === versionFile ||
    /^signature-\d+$/.test(name) ||
    /^(sha(384|512)-)?[0-9a-f]{64,128}(\.manifest\.json|\.signature-\d+)?$/.test(name) ||
    name.startsWith('dir-put-blob')
  )
}
