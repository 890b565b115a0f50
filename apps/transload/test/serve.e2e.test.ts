import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { htpasswdLine } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from './run-cli.ts'
import { startServing } from './serving.ts'
import { writeToLayout } from './write-image.ts'

const tls = join(import.meta.dirname, 'fixtures/tls')

let user: User
beforeEach(async () => {
  user = await createUser()
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
})
afterEach(() => user[Symbol.asyncDispose]())

it.each(['SIGINT', 'SIGTERM'] as const)('says where it listens, and ends well at %s', async (signal) => {
  await using server = await startServing(user, ['images'])
  expect(server.line).toMatch(/^Serving images at http:\/\/127\.0\.0\.1:\d+$/)
  expect(await server.stop(signal)).toBe(0)
})

it('serves what the layout has, and takes what is pushed', async () => {
  await using server = await startServing(user, ['images'])
  const image = `docker://${server.host}/team/app:1`
  expect(await user.run(['copy', '-q', '--dest-tls-verify=false', 'oci:images:v1', image])).toMatchObject({ code: 0 })
  const { stdout } = await user.run(['inspect', '--tls-verify=false', image])
  expect(JSON.parse(stdout)).toMatchObject({ Name: `${server.host}/team/app`, RepoTags: ['1'] })
})

it('refuses pushes when it is read-only', async () => {
  await using server = await startServing(user, ['--read-only', 'images'])
  const pushed = await user.run(['copy', '--dest-tls-verify=false', 'oci:images:v1', `docker://${server.host}/a:1`])
  expect(pushed.code).toBe(1)
})

it('lets in the users of an htpasswd file, over TLS', async () => {
  await writeFile(join(user.home, 'users'), await htpasswdLine('me', 'secret', 4))
  const secure = ['--tls-cert', join(tls, 'ca/localhost.crt'), '--tls-key', join(tls, 'localhost.key')]
  await using server = await startServing(user, [...secure, '--htpasswd', 'users', 'images'])
  expect(server.line).toContain(' at https://')
  const words = ['copy', '-q', `--dest-cert-dir=${tls}/ca`, 'oci:images:v1', `docker://${server.host}/a:1`]
  expect(fatalMessage(await user.run(words))).toContain('authentication required')
  expect(await user.run([...words, '--dest-creds=me:secret'])).toMatchObject({ code: 0, stderr: '' })
})

describe('mistakes', () => {
  it.each([
    [['--listen', 'here', 'x'], '--listen: "here" is not HOST:PORT'],
    [['--tls-cert', 'x', 'y'], '--tls-cert and --tls-key have to be given together'],
    [['--htpasswd', 'none', 'y'], 'reading none: open '],
    [['a', 'b'], 'serve takes one directory'],
  ])('%j', async (words, message) => {
    expect(fatalMessage(await user.run(['serve', ...words]))).toContain(message)
  })
})
