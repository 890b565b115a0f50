import { copyFile, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { processOutput, requirePeers } from '@transload/peers'
import { tarArchive } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

let site: Site
let folder: string
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  folder = join(site.folder, 'layers')
  await mkdir(folder)
  await writeFile(join(folder, 'a.tar'), tarArchive({ 'etc/motd': 'hello <you> & me' }))
  for (const [program, suffix] of [
    ['gzip', 'gz'],
    ['bzip2', 'bz2'],
    ['xz', 'xz'],
  ] as const) {
    await copyFile(join(folder, 'a.tar'), join(folder, 'b.tar'))
    await processOutput(program, ['--force', join(folder, 'b.tar')])
    await utimes(join(folder, `b.tar.${suffix}`), 1_600_000_000, 1_600_000_000.25)
  }
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

async function readImage(directory: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(directory)
  const files = names.map(async (name) => [name, (await readFile(join(directory, name))).toString('base64')])
  return Object.fromEntries(await Promise.all(files)) as Record<string, string>
}

describe.skipIf(missing)(`an image made from tar files is the one skopeo makes ${missing ?? ''}`, () => {
  test.each(['a.tar', 'b.tar.gz', 'b.tar.bz2', 'b.tar.xz', 'a.tar:b.tar.gz:a.tar'])('%s', async (names) => {
    const from = `tarball:${names
      .split(':')
      .map((name) => join(folder, name))
      .join(':')}`
    const ours = site.newPath()
    const theirs = site.newPath()
    await succeeding(site.transload.copy([], from, `dir:${ours}`))
    await succeeding(site.skopeo.copy([], from, `dir:${theirs}`))
    expect(await readImage(ours)).toEqual(await readImage(theirs))
  })
})
