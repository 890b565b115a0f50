import { expect, test } from 'vitest'

import { parseRefName } from './repository-name.ts'

test.for([
  ['team/app:v1', { repository: 'team/app', tag: 'v1' }],
  ['docker.io/library/busybox:latest', { repository: 'docker.io/library/busybox', tag: 'latest' }],
  ['v1', { repository: 'main', tag: 'v1' }],
  ['team/app', undefined],
  ['localhost:5000/app:v1', undefined],
  ['App:v1', undefined],
  [':v1', undefined],
  ['app:', undefined],
  ['', undefined],
] as const)('%s', ([refName, expected]) => {
  expect(parseRefName(refName, 'main')).toEqual(expected)
})
