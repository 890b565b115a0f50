import { join } from 'node:path'

import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const single = 'oci:images:v1'

let user: User
beforeAll(async () => {
  user = await createUser()
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  await user.succeed(['copy', '-q', single, 'dir:directory'])
})
afterAll(() => user[Symbol.asyncDispose]())

it('one member of a directory', async () => {
  expect(await user.succeed(['inspect', 'dir:directory', '--format', '{{.Architecture}}'])).toBe('amd64\n')
})

it('OBS-14: a newline of the template is the last, one that is printed is not', async () => {
  expect(await user.succeed(layersBy('{{.}}{{"\\n"}}'))).toMatch(/^(sha256:\w+\n){2}$/)
  expect(await user.succeed(layersBy('{{println .}}'))).toMatch(/^(sha256:\w+\n){2}\n$/)
})

it('OBS-15: members of a config have the names of Go', async () => {
  expect(await user.succeed(['inspect', '--config', '--format', '{{.OS}}', single])).toBe('linux\n')
  const outcome = await user.run(['inspect', '--config', '--format', '{{.Os}}', single])
  expect(outcome).toMatchObject({ code: 1, stdout: '' })
  expect(fatalMessage(outcome)).toBe(
    'Error writing OCI-formatted configuration data to standard output: template: skopeo inspect:1:13: ' +
      `executing "skopeo inspect" at <.Os>: can't evaluate field Os in type interface {}`,
  )
})

it('what is printed before an error is printed', async () => {
  const outcome = await user.run(['inspect', '--format', '{{.Os}} {{.Nope}}', single])
  expect(outcome).toMatchObject({ code: 1, stdout: 'linux ' })
})

it('raw output has no format', async () => {
  const outcome = await user.run(['inspect', '--raw', '--format', '{{.Os}}', single])
  expect(outcome.code).toBe(1)
  expect(fatalMessage(outcome)).toBe('raw output does not support format option')
})

function layersBy(action: string): readonly string[] {
  return ['inspect', '--format', `{{range .Layers}}${action}{{end}}`, single]
}
