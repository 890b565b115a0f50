import { requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry')

let site: Site
beforeAll(async () => {
  if (!missing) site = await openSite()
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

describe.skipIf(missing)(`delete --tag-only ${missing ?? ''}`, () => {
  test.each<['docker' | 'transload', 'base' | 'docker' | 'index-oci' | 'index-docker']>([
    ['docker', 'base'],
    ['docker', 'docker'],
    ['docker', 'index-oci'],
    ['docker', 'index-docker'],
    ['transload', 'base'],
    ['transload', 'index-docker'],
  ])('in the registry of %s, %s: its siblings stay', async (registry, image) => {
    const repository = `docker://${site.registries[registry]}/tag-only/${image}`
    for (const tag of ['kept', 'gone']) {
      await succeeding(site.skopeo.copy(['--all'], testImage(image), `${repository}:${tag}`))
    }
    await succeeding(site.transload.run(['delete', '--tag-only', '--tls-verify=false', `${repository}:gone`]))
    expect((await site.skopeo.inspect(['--raw'], `${repository}:gone`)).code).toBe(2)
    await succeeding(site.skopeo.copy(['--all'], `${repository}:kept`, `dir:${site.newPath()}`))
    const { stdout } = await succeeding(site.skopeo.run(['list-tags', '--tls-verify=false', repository]))
    expect(JSON.parse(stdout)).toMatchObject({ Tags: ['kept'] })
    const again = await site.transload.run(['delete', '--tag-only', '--tls-verify=false', `${repository}:gone`])
    expect(again.code).toBe(2)
  })
})
