import { mkdtemp, rm } from 'node:fs/promises'
// oxlint-disable-next-line no-restricted-imports -- tests, as *.test.ts files, may read the machine
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { RegistryServerOptions } from './options.ts'
import { startRegistryServer, type RegistryServer } from './server.ts'

/** A directory that goes with its disposal. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'registry-server-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A registry over a layout in a directory that goes with it; nothing is in `directory` before the first push. */
export async function temporaryRegistry(
  options: Partial<RegistryServerOptions> = {},
): Promise<RegistryServer & { readonly directory: string }> {
  await using undo = new AsyncDisposableStack()
  const { path: directory } = undo.use(await temporaryDirectory())
  const server = undo.use(await startRegistryServer({ directory, ...options }))
  const held = undo.move()
  return { ...server, directory, [Symbol.asyncDispose]: () => held.disposeAsync() }
}
