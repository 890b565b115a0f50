import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

let user: User
let registry: RegistryServer
let count = 0
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  await writeFile(join(user.home, 'reject.json'), JSON.stringify({ default: [{ type: 'reject' }] }))
  for (const name of ['team/app', 'other/app']) {
    await user.succeed(['copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', inRegistry(name)])
  }
})
afterAll(async () => {
  await registry.close()
  await user[Symbol.asyncDispose]()
})

function inRegistry(name: string): string {
  return `docker://${registry.host}/${name}:latest`
}

/** A directory that is not there yet. */
function fresh(): string {
  return `dir:dir${++count}`
}

it('SIG-42: no signature is needed where the policy asks for none', async () => {
  await user.succeed(['copy', '-q', 'oci:images:v1', 'dir:unsigned'])
  expect(await user.succeed(['copy', 'dir:unsigned', fresh()])).toContain('Writing manifest')
})

it('SIG-03: what the policy refuses is not copied', async () => {
  const words = ['--policy', 'reject.json', 'copy', '--src-tls-verify=false', inRegistry('team/app'), fresh()]
  const outcome = await user.run(words)
  expect(outcome.code).toBe(1)
  expect(outcome.output).toContain(
    `Source image rejected: Running image ${inRegistry('team/app')} is rejected by policy`,
  )
  expect((await user.run(['--insecure-policy', ...words])).code).toBe(0)
})

it('SIG-04: of a namespace that it accepts images are', async () => {
  const policy = {
    default: [{ type: 'reject' }],
    transports: { docker: { [`${registry.host}/team`]: [{ type: 'insecureAcceptAnything' }] } },
  }
  await writeFile(join(user.home, 'namespace.json'), JSON.stringify(policy))
  const words = ['--policy', 'namespace.json', 'copy', '--src-tls-verify=false']
  expect((await user.run([...words, inRegistry('team/app'), fresh()])).code).toBe(0)
  expect((await user.run([...words, inRegistry('other/app'), fresh()])).code).toBe(1)
})

it('OBS-16: inspect does not ask the policy', async () => {
  expect((await user.run(['--policy', 'reject.json', 'inspect', 'oci:images:v1'])).code).toBe(0)
})

it('copies need a policy', async () => {
  const outcome = await user.run(['--policy', 'none.json', 'copy', 'oci:images:v1', fresh()])
  expect(fatalMessage(outcome)).toContain('Error loading trust policy: ')
})
