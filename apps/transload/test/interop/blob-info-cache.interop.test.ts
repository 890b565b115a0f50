import { join } from 'node:path'

import { peer, requirePeers, startDockerRegistry, testImage, type DockerRegistry } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, type User } from '../run-cli.ts'

const missing = requirePeers('skopeo', 'registry')

let user: User
let registry: DockerRegistry
let plain: string
beforeAll(async () => {
  if (missing) return
  user = await createUser()
  registry = await startDockerRegistry()
  plain = `dir:${join(user.home, 'plain')}`
  await run('skopeo', join(user.home, 'no cache'), ['copy', '--dest-decompress', testImage('small'), plain])
}, 60_000)
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]()
  await user?.[Symbol.asyncDispose]()
})

type ProgramName = 'transload' | 'skopeo'

/** Throws with what the program said if it failed. */
async function run(program: ProgramName, dataHome: string, words: readonly string[]): Promise<string> {
  const env = { XDG_DATA_HOME: dataHome, _CONTAINERS_ROOTLESS_UID: '1000' }
  const all = ['--insecure-policy', ...words]
  const { code, stdout, stderr } =
    program === 'transload'
      ? await user.run(all, { env })
      : await peer('skopeo').run(all, { cwd: user.home, env: { ...process.env, ...env } })
  if (code !== 0) throw new Error(stderr)
  return stdout
}

describe.skipIf(missing)(`one program goes on with what the other learned of blobs ${missing ?? ''}`, () => {
  test.each<[ProgramName, ProgramName, readonly string[]]>([
    ['transload', 'skopeo', []],
    ['skopeo', 'transload', []],
    ['transload', 'skopeo', ['--dest-compress-format', 'zstd:chunked']],
    ['skopeo', 'transload', ['--dest-compress-format', 'zstd:chunked']],
  ])('%s, then %s %j', async (first, second, flags) => {
    const label = [first, ...flags].join('').replaceAll(/[^a-z]/g, '')
    const dataHome = join(user.home, label)
    const copied = async (program: ProgramName, name: string): Promise<unknown> => {
      const image = `docker://${registry.host}/${label}/${name}:v1`
      await run(program, dataHome, ['copy', '--dest-tls-verify=false', ...flags, plain, image])
      return JSON.parse(await run('skopeo', dataHome, ['inspect', '--raw', '--tls-verify=false', image])) as unknown
    }
    // The two compress differently: what is the same was compressed once.
    const before = await copied(first, 'first')
    const after = await copied(second, 'second')
    expect(after).toEqual(before)
  })
})
