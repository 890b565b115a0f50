import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, requirePeers, testImage } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { fatalMessage, type Outcome } from '../run-cli.ts'
import { writePolicy } from './signing-policy.ts'
import { openSite, succeeding, type Site } from './site.ts'

const missing = requirePeers('skopeo', 'registry', 'cosign')

let site: Site
let digest: string
beforeAll(async () => {
  if (missing) return
  site = await openSite()
  for (const name of ['cosign', 'other']) await cosign('generate-key-pair', '--output-key-prefix', name)
  for (const name of ['attached', 'bundled']) {
    await succeeding(site.skopeo.copy([], testImage('small'), `docker://${nameOf(name)}`))
  }
  const shown = await succeeding(site.skopeo.inspect(['--format', '{{.Digest}}'], `docker://${nameOf('bundled')}`))
  digest = shown.stdout.trim()
  const offline = ['--use-signing-config=false', '--tlog-upload=false', '--yes']
  const insecure = ['--allow-insecure-registry', '--allow-http-registry']
  for (const name of ['attached', 'bundled']) {
    const form = name === 'attached' ? '--new-bundle-format=false' : '--new-bundle-format=true'
    const image = `${nameOf(name).replace(/:v1$/, '')}@${digest}`
    await cosign('sign', '--key', 'cosign.key', form, ...offline, ...insecure, image)
  }
}, 120_000)
afterAll(() => site?.[Symbol.asyncDispose]())

function nameOf(name: string): string {
  return `${site.registries.docker}/verify/${name}:v1`
}

async function cosign(...words: readonly string[]): Promise<string> {
  const env = { ...process.env, COSIGN_PASSWORD: '', HOME: site.folder }
  return await peer('cosign').output(words, { cwd: site.folder, env })
}

function keyFile(name: 'cosign' | 'other'): string {
  return join(site.folder, `${name}.pub`)
}

function verify(...words: readonly string[]): Promise<Outcome> {
  return site.transload.run(['verify', ...words])
}

describe.skipIf(missing)(`what cosign signed with a key ${missing ?? ''}`, () => {
  test.each(['attached', 'bundled'])('is verified: %s', async (name) => {
    const image = ['--tls-verify=false', `docker://${nameOf(name)}`]
    expect(await verify('--key', keyFile('cosign'), ...image)).toMatchObject({ code: 0, stdout: `${digest}\n` })
    const refused = await verify('--key', keyFile('other'), ...image)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(fatalMessage(refused)).toContain('Source image rejected: ')
  })

  test.each([
    ['attached', 'oci'],
    ['attached', 'docker'],
    ['bundled', 'oci'],
    ['bundled', 'docker'],
  ])('%s, is verified where it went along: %s', async (name, scheme) => {
    const place = scheme === 'oci' ? `oci:${site.newPath()}:v1` : `docker://${site.registries.transload}/${name}:v1`
    await succeeding(site.transload.copy(['--with-referrers'], `docker://${nameOf(name)}`, place))
    const image = ['--tls-verify=false', place]
    expect(await verify('--key', keyFile('other'), ...image)).toMatchObject({ code: 1, stdout: '' })
    // What is attached says of which repository it was; a bundle says none.
    const original = name === 'attached' ? ['--signed-identity', nameOf(name).replace(/:v1$/, '')] : []
    const outcome = await verify('--key', keyFile('cosign'), ...original, ...image)
    expect(outcome).toMatchObject({ code: 0, stdout: `${digest}\n` })
  })

  test('is accepted by a policy that asks for the repository', async () => {
    const repository = nameOf('attached').replace(/:v1$/, '')
    const directory = site.newPath()
    await mkdir(directory)
    await writeFile(join(directory, 'a.yaml'), 'default-docker:\n  use-sigstore-attachments: true\n')
    const verdict = async (type: string): Promise<Outcome> => {
      const rule = { type: 'sigstoreSigned', keyPath: keyFile('cosign'), signedIdentity: { type } }
      const policy = await writePolicy(site.newPath(), { docker: { [repository]: [rule] } })
      const image = ['--tls-verify=false', `docker://${nameOf('attached')}`]
      return await site.transload.runUnder(policy, ['--registries.d', directory, 'verify', ...image])
    }
    expect(await verdict('matchRepository')).toMatchObject({ code: 0, stdout: `${digest}\n` })
    expect(fatalMessage(await verdict('matchExact'))).toBe(
      `Source image rejected: Signature for identity "${repository}" is not accepted`,
    )
  })
})
