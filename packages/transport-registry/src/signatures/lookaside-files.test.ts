import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import type { StoredSignature } from '@transload/contract'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { clientOf, startFakeRegistry } from '../fake-registry.test.kit.ts'
import type { RawServer } from '../http/raw-server.test.kit.ts'
import type { RegistryClient } from '../registry-client.ts'
import { removeLookasideFiles, writeLookasideFiles } from './lookaside-files.ts'
import { readLookaside } from './lookaside.ts'

let root: string
let directory: string

beforeEach(async () => {
  root = await mkdtemp('/tmp/transport-registry-lookaside-')
  directory = join(root, 'team/app@sha256=aa')
})

afterEach(() => rm(root, { recursive: true }))

const simple = (text: string): StoredSignature => ({ kind: 'simple', bytes: Buffer.from(`\x90${text}`, 'latin1') })

async function openReader(): Promise<{
  server: RawServer
  client: RegistryClient
  read: () => Promise<readonly StoredSignature[]>
}> {
  const server = await startFakeRegistry(() => undefined)
  const client = clientOf(server)
  const options = { log: () => undefined }
  return { server, client, read: () => readLookaside(client, pathToFileURL(directory), options) }
}

async function contents(): Promise<Record<string, string>> {
  const names = (await readdir(directory)).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'latin1')))
  return Object.fromEntries(names.map((name, index) => [name, texts[index]!]))
}

test('files are the complete set, readable by all', async () => {
  await writeLookasideFiles(directory, [simple('a'), simple('b')], {})
  expect(await contents()).toEqual({ 'signature-1': '\x90a', 'signature-2': '\x90b' })
  expect((await stat(directory)).mode & 0o777).toBe(0o755)
  expect((await stat(join(directory, 'signature-1'))).mode & 0o777).toBe(0o644)
  await writeLookasideFiles(directory, [simple('c')], {})
  expect(await contents()).toEqual({ 'signature-1': '\x90c' })
})

test('a signature that is there is left as it is', async () => {
  await writeLookasideFiles(directory, [simple('a')], {})
  const { ino } = await stat(join(directory, 'signature-1'))
  await writeLookasideFiles(directory, [simple('a'), simple('b'), simple('c')], {})
  expect(await stat(join(directory, 'signature-1'))).toMatchObject({ ino })
  expect(Object.keys(await contents())).toHaveLength(3)
})

test('who reads meanwhile sees the former set or the new one', async () => {
  const { server, client, read } = await openReader()
  await using _server = server
  await using _client = client
  const seen = new Set<number>()
  for (let round = 0; round < 10; round++) {
    await removeLookasideFiles(directory)
    await writeLookasideFiles(directory, [simple('a')], {})
    const writing = writeLookasideFiles(directory, ['a', 'b', 'c', 'd'].map(simple), {})
    const reading = Array.from({ length: 20 }, async () => {
      for (let turn = 0; turn < 5; turn++) seen.add((await read()).length)
    })
    await Promise.all([writing, ...reading])
    seen.add((await read()).length)
  }
  expect([...seen].sort((one, other) => one - other)).toEqual([1, 4])
})

test('what lies behind a gap does not come back', async () => {
  await writeLookasideFiles(directory, [simple('a')], {})
  await writeFile(join(directory, 'signature-3'), 'stale')
  await writeFile(join(directory, 'signature-03'), 'not ours')
  await writeLookasideFiles(directory, [simple('a'), simple('b')], {})
  expect(await contents()).toEqual({ 'signature-03': 'not ours', 'signature-1': '\x90a', 'signature-2': '\x90b' })
})

test('nothing is written through a symbolic link', async () => {
  await writeLookasideFiles(directory, [simple('a')], {})
  const other = join(root, 'other')
  await writeFile(other, 'other')
  await rm(join(directory, 'signature-1'))
  await symlink(other, join(directory, 'signature-1'))
  await writeLookasideFiles(directory, [simple('b')], {})
  expect(await contents()).toEqual({ 'signature-1': '\x90b' })
  expect(await readFile(other, 'utf8')).toBe('other')
})

test('an aborted write leaves the former set', async () => {
  await writeLookasideFiles(directory, [simple('a')], {})
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(writeLookasideFiles(directory, [simple('b')], { signal })).rejects.toThrow('enough')
  expect(await contents()).toEqual({ 'signature-1': '\x90a' })
})

test('a place that cannot be written to is an error', async () => {
  await writeFile(join(root, 'team'), '')
  await expect(writeLookasideFiles(directory, [simple('a')], {})).rejects.toMatchObject({ code: 'IO' })
})

test('removing leaves the directory and what is not a signature', async () => {
  await removeLookasideFiles(directory)
  await writeLookasideFiles(directory, [simple('a'), simple('b')], {})
  await writeFile(join(directory, 'note'), '')
  await removeLookasideFiles(directory)
  expect(await readdir(directory)).toEqual(['note'])
})
