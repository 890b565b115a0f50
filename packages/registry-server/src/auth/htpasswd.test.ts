import { expect, test } from 'vitest'

import { htpasswdCheck, htpasswdLine } from './htpasswd.ts'

const bcrypt = await htpasswdLine('alice', 'sesam', 4)
const sha = 'bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n' // "password"

test.for([
  ['alice', 'sesam', true],
  ['alice', 'Sesam', false],
  ['alice', '', false],
  ['bob', 'password', true],
  ['bob', 'sesam', false],
  ['carol', 'sesam', false],
  ['', '', false],
] as const)('%s with %s: %s', async ([user, password, expected]) => {
  const check = htpasswdCheck(`# users\n${bcrypt}\r\n${sha}\n`)
  expect(await check(user, password)).toBe(expected)
  expect(await check(user, password)).toBe(expected)
})

test('nobody is in an empty file', async () => {
  expect(await htpasswdCheck('')('alice', '')).toBe(false)
})

test.for(['alice', 'alice:plain', 'alice:$apr1$x$y', ':{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='])('%s is refused', (line) => {
  expect(() => htpasswdCheck(line)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('a user name with a colon cannot be written', async () => {
  await expect(htpasswdLine('a:b', 'x')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})
