import { join } from 'node:path'

import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from './run-cli.ts'
import { errorBody, startScriptedRegistry, type ScriptedRegistry } from './scripted-registry.ts'
import { writeToLayout } from './write-image.ts'

let user: User
beforeEach(async () => {
  user = await createUser()
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
})
afterEach(() => user[Symbol.asyncDispose]())

/** Takes blobs, and answers its first manifest with an error. */
async function startRefusingRegistry(status: number, body: string): Promise<ScriptedRegistry> {
  let manifests = 0
  return await startScriptedRegistry((method, path) => {
    if (method === 'POST') return { status: 202, headers: { location: '/v2/a/blobs/uploads/1' } }
    if (method !== 'PUT') return undefined
    if (path.includes('/manifests/') && manifests++ === 0) return { status, body }
    return { status: 201 }
  })
}

it('a type of manifest that Amazon calls bad JSON: another one is tried', async () => {
  const body = errorBody('UNSUPPORTED', "failed to satisfy constraint: 'Invalid JSON syntax'")
  await using registry = await startRefusingRegistry(405, body)
  const { code } = await user.run(['copy', '--dest-tls-verify=false', 'oci:images:v1', `docker://${registry.host}/a:1`])
  expect(code).toBe(0)
  expect(manifestsPut(registry)).toBe(2)
})

it('an immutable tag of Amazon: no other type of manifest is tried', async () => {
  const message =
    "The image tag '1' already exists in the 'a' repository and cannot be overwritten because it is immutable."
  await using registry = await startRefusingRegistry(400, errorBody('TAG_INVALID', message))
  const outcome = await user.run(['copy', '--dest-tls-verify=false', 'oci:images:v1', `docker://${registry.host}/a:1`])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toContain(`uploading manifest 1 to ${registry.host}/a: tag invalid: ${message}`)
  expect(manifestsPut(registry)).toBe(1)
})

function manifestsPut({ requests }: ScriptedRegistry): number {
  return requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/')).length
}
