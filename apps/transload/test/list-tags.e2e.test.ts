import { join } from 'node:path'

import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { expect, it } from 'vitest'

import { createUser } from './run-cli.ts'
import { writeToLayout } from './write-image.ts'

it('list-tags of an OCI layout: every name in it, and none as an empty list', async () => {
  await using user = await createUser()
  const image = fixtureImage()
  await writeToLayout(image, join(user.home, 'named'), 'v1')
  await user.succeed(['copy', '-q', 'oci:named:v1', 'oci:unnamed'])
  expect(JSON.parse(await user.succeed(['list-tags', 'oci:named']))).toEqual({ Tags: ['v1'] })
  expect(JSON.parse(await user.succeed(['list-tags', 'oci:unnamed']))).toEqual({ Tags: [] })
})
