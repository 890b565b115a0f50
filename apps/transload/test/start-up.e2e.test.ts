import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { expect, it } from 'vitest'

import { createUser, type User } from './run-cli.ts'
import { startServing } from './serving.ts'
import { writeToLayout } from './write-image.ts'

/** Each takes a millisecond or more to load. */
const heavyModules = ['child_process', 'http', 'https', 'sqlite', 'tls', 'worker_threads', 'zlib']

it('--version loads next to nothing', async () => {
  await using user = await createUser()
  const { files, modules } = await loadedBy(user, ['--version'])
  expect(files.length).toBeLessThanOrEqual(3)
  expect(modules.filter((name) => ['crypto', 'fs/promises', ...heavyModules].includes(name))).toEqual([])
})

it('inspect loads a few files, and nothing that only copies, encryption or TLS need', async () => {
  await using user = await createUser()
  await writeToLayout(fixtureImage(), join(user.home, 'layout'), 'v1')
  await using serving = await startServing(user, ['served'])
  const image = `docker://${serving.host}/app:v1`
  await user.succeed(['copy', '-q', '--dest-tls-verify=false', 'oci:layout:v1', image])
  for (const words of [
    ['inspect', 'oci:layout:v1'],
    ['inspect', '--tls-verify=false', '--no-tags', image],
  ]) {
    const { files, modules } = await loadedBy(user, words)
    expect(files.length).toBeLessThanOrEqual(12)
    expect(files.join(' ')).not.toMatch(/undici|openpgp/)
    expect(modules.filter((name) => heavyModules.includes(name))).toEqual([])
  }
})

/** The program's own files, and the modules of Node, that a command line loads. */
async function loadedBy(
  user: User,
  words: readonly string[],
): Promise<{ readonly files: readonly string[]; readonly modules: readonly string[] }> {
  const report = join(user.home, 'loaded.json')
  const preload = join(user.home, 'report-loaded.cjs')
  await writeFile(
    preload,
    `process.on('exit', () => {
      const files = Object.keys(require.cache).filter((file) => file !== __filename)
      const modules = process.moduleLoadList.map((entry) => entry.replace('NativeModule ', ''))
      process.getBuiltinModule('node:fs').writeFileSync(${JSON.stringify(report)}, JSON.stringify({ files, modules }))
    })`,
  )
  await user.succeed(words, { env: { NODE_OPTIONS: `--require ${preload}` } })
  return JSON.parse(await readFile(report, 'utf8')) as Awaited<ReturnType<typeof loadedBy>>
}
