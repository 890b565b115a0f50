import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { readKeyProviders, type KeyProviderProgram } from './key-providers.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'key-providers-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function providersOf(config: string): Promise<Readonly<Record<string, KeyProviderProgram>>> {
  await writeFile(join(directory, 'providers.json'), config)
  const env = { OCICRYPT_KEYPROVIDER_CONFIG: 'providers.json', PATH: process.env['PATH'] }
  return await readKeyProviders({ env }, directory)
}

function program(path: string, ...args: readonly string[]): string {
  return JSON.stringify({ 'key-providers': { mine: { cmd: { path, args } } } })
}

it('has none where nothing is said, and where the file is missing', async () => {
  expect(await readKeyProviders({ env: {} }, directory)).toEqual({})
  expect(await readKeyProviders({ env: { OCICRYPT_KEYPROVIDER_CONFIG: 'missing' } }, directory)).toEqual({})
  expect(await providersOf('{}')).toEqual({})
})

it('runs a program that answers what it is asked', async () => {
  const { mine } = await providersOf(program('sed', 's/question/answer/'))
  expect(await mine!('{"op":"question"}')).toBe('{"op":"answer"}')
})

it('says what became of a program that fails, without the request', async () => {
  const { mine } = await providersOf(program('sh', '-c', 'echo no such key >&2; exit 3'))
  const asking = mine!('{"symkey":"secret"}')
  await expect(asking).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'Error while running command: sh. stderr: no such key: exit status 3',
  })
  const { mine: missing } = await providersOf(program('no-such-program-here'))
  await expect(missing!('')).rejects.toThrow('exec: "no-such-program-here": executable file not found in $PATH')
})

it('ends the program when the copy is cancelled', async () => {
  const { mine } = await providersOf(program('sleep', '600'))
  const controller = new AbortController()
  const asking = mine!('', { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(asking).rejects.toThrow('enough')
})

it('says that services cannot be asked', async () => {
  const { far } = await providersOf('{"key-providers":{"far":{"grpc":"localhost:50051"}}}')
  expect(() => far!('')).toThrow('key provider "far": only programs (cmd) can be asked')
})

it.each([
  '[]',
  'nonsense',
  '{"key-providers":[]}',
  '{"key-providers":{"x":{"cmd":{}}}}',
  '{"key-providers":{"x":{"cmd":{"path":"a","args":[1]}}}}',
])('refuses %s', async (config) => {
  await expect(providersOf(config)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})
