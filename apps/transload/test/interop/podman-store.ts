import { peer } from '@transload/peers'

import type { Site } from './site.ts'

/** Runs podman with an image store of its own. Resolves to what it printed, without the end of the last line. */
export type PodmanStore = (...words: readonly string[]) => Promise<string>

export function createPodmanStore(site: Site): PodmanStore {
  const store = ['--root', site.newPath(), '--runroot', site.newPath(), '--storage-driver', 'vfs']
  return async (...words) => (await peer('podman').output([...store, ...words])).trimEnd()
}
