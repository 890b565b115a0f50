import { expect, test } from 'vitest'

import { catalogScope, covers, parseScopes, repositoryScope, scopeText } from './scope.ts'

test.for([
  [['repository:team/app:pull'], [repositoryScope('team/app', ['pull'])]],
  [
    ['repository:a:push,pull repository:b:pull'],
    [repositoryScope('a', ['pull', 'push']), repositoryScope('b', ['pull'])],
  ],
  [['repository:a:*'], [repositoryScope('a', ['pull', 'push', 'delete'])]],
  [['repository:a:fly'], [repositoryScope('a', [])]],
  [['registry:catalog:*'], [catalogScope]],
  [['repository:A:pull', 'plugin:a:pull', 'repository:a:b:pull', ''], []],
] as const)('%j', ([values, scopes]) => {
  expect(parseScopes(values)).toEqual(scopes)
})

test('a grant covers what it names and nothing else', () => {
  const granted = [repositoryScope('a', ['pull']), repositoryScope('b', ['pull', 'push'])]
  expect(covers(granted, repositoryScope('a', ['pull']))).toBe(true)
  expect(covers(granted, repositoryScope('a', ['pull', 'push']))).toBe(false)
  expect(covers(granted, repositoryScope('c', ['pull']))).toBe(false)
  expect(covers(granted, catalogScope)).toBe(false)
  expect(scopeText(granted[1]!)).toBe('repository:b:pull,push')
})
