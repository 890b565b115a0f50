import { describe, expect, it } from 'vitest'

import { resolveImageAccess, type ImageAccessValues } from './image-access-options.ts'

const nothing: ImageAccessValues = {
  certDir: undefined,
  creds: undefined,
  noCreds: undefined,
  password: undefined,
  registryToken: undefined,
  tlsVerify: undefined,
  username: undefined,
}

describe('credentials', () => {
  it.each<[Partial<ImageAccessValues>, unknown]>([
    [{}, undefined],
    [{ noCreds: true }, 'anonymous'],
    [{ creds: 'user:pa:ss' }, { username: 'user', password: 'pa:ss' }],
    [{ creds: 'user' }, { username: 'user', password: '' }],
    [
      { username: 'user', password: '' },
      { username: 'user', password: '' },
    ],
  ])('of %j', (values, credentials) => {
    expect(resolveImageAccess({ ...nothing, ...values }, { tlsVerify: undefined }).credentials).toEqual(credentials)
  })

  it.each<[Partial<ImageAccessValues>, string]>([
    [{ creds: 'a', noCreds: true }, 'creds and no-creds cannot be specified at the same time'],
    [{ username: 'a', noCreds: true }, 'username and no-creds cannot be specified at the same time'],
    [{ creds: 'a', username: 'a' }, 'creds and username cannot be specified at the same time'],
    [{ username: 'a' }, 'password must be specified when username is specified'],
    [{ password: 'a' }, 'username must be specified when password is specified'],
    [{ creds: '' }, "credentials can't be empty"],
    [{ creds: ':x' }, "username can't be empty"],
  ])('refuse %j', (values, problem) => {
    expect(() => resolveImageAccess({ ...nothing, ...values }, { tlsVerify: undefined })).toThrow(problem)
  })
})

// UNI-24: the side's own flag beats the one for both sides, which beats the one before the command.
const settings = [undefined, true, false]
it.each(settings.flatMap((own) => settings.flatMap((both) => settings.map((root) => ({ own, both, root })))))(
  'UNI-24: verification with $own, $both, $root',
  ({ own, both, root }) => {
    const access = resolveImageAccess({ ...nothing, tlsVerify: own }, { tlsVerify: root }, { tlsVerify: both })
    expect(access.verifyTls).toBe(own ?? both ?? root)
  },
)

it('UNI-25: the auth file of a side beats the one for both', () => {
  const globals = { tlsVerify: undefined }
  expect(resolveImageAccess({ ...nothing, authfile: 'a' }, globals, { authfile: 'b' }).authFile).toBe('a')
  expect(resolveImageAccess(nothing, globals, { authfile: 'b' }).authFile).toBe('b')
})
