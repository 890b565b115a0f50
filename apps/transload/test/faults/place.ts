import { access, mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { startRegistryServer } from '@transload/registry-server'
import { expect, vi } from 'vitest'

import { readTree } from '../read-tree.ts'

export const placeKinds = ['docker', 'oci', 'oci-archive', 'dir', 'docker-archive'] as const
export type PlaceKind = (typeof placeKinds)[number]

/** Where an image is copied to. */
export interface Place extends AsyncDisposable {
  /** As the command line takes it. */
  readonly name: string
  /** All there is of it lies below; what is not there yet is made by the copy. */
  readonly directory: string
}

export async function openPlace(kind: PlaceKind, directory: string): Promise<Place> {
  if (kind === 'docker') {
    const server = await startRegistryServer({ directory })
    return { name: `docker://${server.host}/app:1`, directory, [Symbol.asyncDispose]: () => server.close() }
  }
  if (kind.endsWith('-archive')) await mkdir(directory, { recursive: true })
  const names = {
    oci: `oci:${directory}:1`,
    dir: `dir:${directory}`,
    'oci-archive': `oci-archive:${directory}/image.tar:1`,
    'docker-archive': `docker-archive:${directory}/image.tar:app:1`,
  }
  return { name: names[kind], directory, [Symbol.asyncDispose]: async () => undefined }
}

export type Files = Readonly<Record<string, string>>

/** Path → SHA-256 of every file of a place; the lock of a registry that runs is not counted. */
export async function readPlace({ directory }: Place): Promise<Files> {
  const exists = await access(directory).then(
    () => true,
    () => false,
  )
  // A registry may still be removing what a client that went away had begun.
  const files = exists ? await vi.waitFor(() => readTree(directory)) : {}
  return Object.fromEntries(Object.entries(files).filter(([path]) => !serverLock.test(path)))
}

const serverLock = /^transload-uploads\/[^/]+\/(lock|transload-put-[^/]+)$/

/** What was there is; beyond that there is nothing but, where blobs are kept by digest, whole blobs nobody names. */
export async function expectUntouched(before: Files, place: Place): Promise<void> {
  await vi.waitFor(async () => expect(withoutBlobs(await readPlace(place), before)).toEqual(before))
}

/** As above, but what a process that was killed left behind may be there, under names that say so. */
export async function expectRecoverable(before: Files, place: Place): Promise<void> {
  const rest = Object.entries(withoutBlobs(await readPlace(place), before))
  expect(Object.fromEntries(rest.filter(([path]) => !isLeftover(path)))).toEqual(before)
}

/** Every file that is named by a digest has it. */
export function expectWhole(files: Files): void {
  const named = Object.entries(files).filter(([path]) => /^[0-9a-f]{64}$/.test(basename(path)))
  expect(named.filter(([path, hash]) => basename(path) !== hash)).toEqual([])
}

export function isLeftover(path: string): boolean {
  return /(^|\/)transload-(put-|uploads\/)/.test(path)
}

function withoutBlobs(files: Files, kept: Files): Files {
  const isNewBlob = (path: string, hash: string): boolean => !(path in kept) && path === join('blobs/sha256', hash)
  return Object.fromEntries(Object.entries(files).filter(([path, hash]) => !isNewBlob(path, hash)))
}
