import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage } from '../run-cli.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

let site: Site
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  await succeeding(site.skopeo.copy([], testImage('small'), `docker://${site.registries.docker}/small:v1`))
  await mkdir(join(site.folder, 'directory'))
  const files = {
    broken: '{',
    list: '[]',
    auths: '{"auths":[]}',
    good: '{"auths":{}}',
    other: '{"auths":{"a":{"auth":"*"}}}',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(site.folder, name), text)
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

const commands: readonly (readonly [string, (flag: string) => readonly string[]])[] = [
  ['copy from', (flag) => ['copy', '-q', '--src-tls-verify=false', flag, image(), `dir:${site.newPath()}`]],
  ['copy to', (flag) => ['copy', '-q', '--dest-tls-verify=false', flag, testImage('small'), `${image()}-new`]],
  ['inspect', (flag) => ['inspect', '--tls-verify=false', flag, image()]],
  ['list-tags', (flag) => ['list-tags', '--tls-verify=false', flag, image().replace(/:v1$/, '')]],
  ['delete', (flag) => ['delete', '--tls-verify=false', flag, image().replace(/v1$/, 'none')]],
]

// The registry wants no credentials.
describe.skipIf(missing).each(commands)(`%s ${missing ?? ''}`, (_, words) => {
  test.each(['broken', 'list', 'auths', 'directory'])('fails for the credential file: %s', async (name) => {
    const flag = `--authfile=${join(site.folder, name)}`
    for (const mover of [site.transload, site.skopeo]) {
      const outcome = await mover.run(words(flag))
      expect(outcome.code).toBe(1)
      expect(fatalMessage(outcome)).toContain('getting username and password: ')
    }
  })

  test.each(['good', 'other', 'none'])('is no worse for the credential file: %s', async (name) => {
    const flag = `--authfile=${join(site.folder, name)}`
    const [ours, theirs] = [await site.transload.run(words(flag)), await site.skopeo.run(words(flag))]
    expect(ours.code).toBe(theirs.code)
    expect(ours.output).not.toContain('getting username and password')
  })
})

function image(): string {
  return `docker://${site.registries.docker}/small:v1`
}
