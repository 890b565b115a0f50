import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

let user: User
let locked: RegistryServer
beforeAll(async () => {
  user = await createUser()
  locked = await startRegistryServer({
    directory: join(user.home, 'locked'),
    auth: { htpasswd: await htpasswdLine('testuser', 'testpassword', 4), scheme: 'token' },
  })
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  const creds = '--dest-creds=testuser:testpassword'
  await user.succeed(['copy', '-q', '--dest-tls-verify=false', creds, 'oci:images:v1', `docker://${locked.host}/app:1`])
})
afterAll(async () => {
  await locked.close()
  await user[Symbol.asyncDispose]()
})

/** Runs with `text` as the registries.conf. */
async function run(text: string, words: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  await writeFile(join(user.home, 'registries.conf'), text)
  return await user.run(['--registries-conf=registries.conf', ...words], { env })
}

/** Keeps one account in a file. */
async function writeHelper(): Promise<Record<string, string>> {
  const bin = join(user.home, 'bin')
  await mkdir(bin, { recursive: true })
  const kept = join(user.home, 'kept')
  await writeFile(
    join(bin, 'docker-credential-kept'),
    `#!/bin/sh
case $1 in
store) cat >'${kept}' ;;
get) test -e '${kept}' && cat '${kept}' || { echo credentials not found in native keychain; exit 1; } ;;
erase) test -e '${kept}' && rm '${kept}' || { echo credentials not found in native keychain; exit 1; } ;;
list) echo '{}' ;;
esac
`,
  )
  await chmod(join(bin, 'docker-credential-kept'), 0o755)
  return { PATH: `${bin}:/usr/bin:/bin` }
}

function secretOf(data: string): string {
  return `apiVersion: v1\ndata:\n  .dockerconfigjson: ${data}\nkind: Secret\nmetadata:\n  name: pull\ntype: kubernetes.io/dockerconfigjson\n`
}

describe('credential-helpers', () => {
  it('keep what login is given, find it, and lose it by logout', async () => {
    const env = await writeHelper()
    const conf = 'credential-helpers = ["kept", "containers-auth.json"]'
    const login = ['login', '--tls-verify=false', '-v', '-u', 'testuser', '-p', 'testpassword', locked.host]
    expect((await run(conf, login, env)).stdout).toBe('Used:  credential helper: kept\nLogin Succeeded!\n')
    expect(JSON.parse(await readFile(join(user.home, 'kept'), 'utf8'))).toMatchObject({ ServerURL: locked.host })
    expect((await run(conf, ['login', '--get-login', locked.host], env)).stdout).toBe('testuser\n')
    const inspect = ['inspect', '--raw', '--tls-verify=false', `docker://${locked.host}/app:1`]
    expect((await run(conf, inspect, env)).code).toBe(0)
    expect((await run(conf, ['logout', locked.host], env)).stdout).toBe(
      `Removed login credentials for ${locked.host}\n`,
    )
    await rm(join(user.home, 'run/containers'), { recursive: true, force: true })
    expect((await run(conf, inspect, env)).output).toContain('authentication required')
  })

  it('that fail are reported where there are no credentials', async () => {
    const inspect = ['inspect', '--raw', '--tls-verify=false', `docker://${locked.host}/app:1`]
    const outcome = await run('credential-helpers = ["nowhere"]', inspect)
    expect(fatalMessage(outcome)).toContain('getting username and password: error getting credentials - err: exec: ')
  })
})

describe('a Kubernetes Secret', () => {
  it('is an --authfile, but not one to log in to', async () => {
    const auths = { [locked.host]: { auth: Buffer.from('testuser:testpassword').toString('base64') } }
    await writeFile(join(user.home, 'secret.yaml'), secretOf(Buffer.from(JSON.stringify({ auths })).toString('base64')))
    const at = ['--tls-verify=false', '--authfile=secret.yaml']
    expect((await user.run(['inspect', '--raw', ...at, `docker://${locked.host}/app:1`])).code).toBe(0)
    const login = await user.run(['login', ...at, '-u', 'testuser', '-p', 'testpassword', locked.host])
    expect(login.code).toBe(1)
    expect(fatalMessage(login)).toBe(
      'secret.yaml is a Kubernetes Secret: credentials are read from it, not written to it',
    )
    const logout = await user.run(['logout', '--authfile=secret.yaml', locked.host])
    expect(fatalMessage(logout)).toContain('secret.yaml is a Kubernetes Secret')
  })
})
