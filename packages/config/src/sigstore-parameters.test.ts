import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { parseSigstoreParameters, readSigstoreParameters } from './sigstore-parameters.ts'

const secret = 'eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2ln'
const fulcio = 'fulcio:\n  fulcioURL: https://fulcio.example\n'

test('a key, and a log', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'transload-parameters-'))
  const text = 'privateKeyFile: keys/a.key\nprivateKeyPassphraseFile: pass\nrekorURL: https://rekor.example\n'
  await writeFile(join(directory.path, 'sign.yaml'), text)
  expect(await readSigstoreParameters('sign.yaml', directory.path)).toEqual({
    key: { privateKeyFile: 'keys/a.key', passphraseFile: 'pass' },
    rekorUrl: 'https://rekor.example',
  })
})

test('a file that is not there', async () => {
  await expect(readSigstoreParameters('none.yaml', tmpdir())).rejects.toMatchObject({
    code: 'IO',
    message:
      'setting up signing using parameter file "none.yaml": reading "none.yaml": open none.yaml: no such file or directory',
  })
})

test.each([
  ['privateKeyFile: 5', { key: { privateKeyFile: '5', passphraseFile: undefined } }],
  ['privateKeyFile: 007\nrekorURL:\n', { key: { privateKeyFile: '007' } }],
  ['privateKeyFile: &k a.key\nprivateKeyPassphraseFile: *k', { key: { passphraseFile: 'a.key' } }],
  ['privateKeyFile: a\n---\nprivateKeyFile: b', { key: { privateKeyFile: 'a' } }],
  ['privateKeyFile: a\nfulcio: ~', { key: { privateKeyFile: 'a' } }],
  ['{"privateKeyFile": "a b"}', { key: { privateKeyFile: 'a b' } }],
  [
    `${fulcio}  oidcMode: staticToken\n  oidcIDToken: ${secret}\n`,
    { key: { fulcioUrl: 'https://fulcio.example', oidc: { mode: 'staticToken', idToken: secret } } },
  ],
  [
    `${fulcio}  oidcMode: deviceGrant\n  oidcIssuerURL: https://i.example\n  oidcClientID: sigstore\n`,
    { key: { oidc: { mode: 'deviceGrant', issuerUrl: 'https://i.example', clientId: 'sigstore', clientSecret: '' } } },
  ],
  [
    `${fulcio}  oidcMode: interactive\n  oidcIssuerURL: https://i.example\n  oidcClientID: c\n  oidcClientSecret: s\n`,
    { key: { oidc: { mode: 'interactive', clientSecret: 's' } } },
  ],
])('%j', async (text, expected) => {
  expect(await parseSigstoreParameters(text, 'p.yaml')).toMatchObject(expected)
})

describe('refused, in the words of skopeo', () => {
  const file = 'setting up signing using parameter file "p.yaml": parsing "p.yaml": '
  const unmarshal = `${file}yaml: unmarshal errors:\n  line `
  const noKey =
    'no private key source provided (neither a private key nor Fulcio) when preparing to create sigstore signatures'
  const staticToken = `  oidcMode: staticToken\n  oidcIDToken: ${secret}\n`

  test.each([
    ['', `${file}EOF`],
    ['# nothing\n', `${file}EOF`],
    ['{}', noKey],
    ['null', noKey],
    ['rekorURL: https://rekor.example', noKey],
    ['\nfoo: 1\n', `${unmarshal}2: field foo not found in type params.SigningParameterFile`],
    [`${fulcio}  foo: 1\n`, `${unmarshal}3: field foo not found in type params.SigningParameterFileFulcio`],
    ['privateKeyFile: [a]\n', `${unmarshal}1: cannot unmarshal !!seq into string`],
    ['rekorURL: {}\n', `${unmarshal}1: cannot unmarshal !!map into string`],
    ['[1]\n', `${unmarshal}1: cannot unmarshal !!seq into params.SigningParameterFile`],
    ['fulcio: yes\n', `${unmarshal}1: cannot unmarshal !!str into params.SigningParameterFileFulcio`],
    ['privateKeyFile: a\nprivateKeyFile: b\n', `${unmarshal}2: mapping key "privateKeyFile" already defined`],
    ['<<: {privateKeyFile: a}\n', `${unmarshal}1: field << not found in type params.SigningParameterFile`],
    ['rekorURL: *nowhere\n', `${file}yaml: unknown anchor "nowhere" referenced`],
    [
      `privateKeyFile: a\n${fulcio}${staticToken}`,
      'multiple private key sources specified when preparing to create sigstore signatures',
    ],
    ['fulcio: {}\n', 'missing fulcioURL'],
    [fulcio, 'missing oidcIssuerURL'],
    [`${fulcio}  oidcMode: staticToken\n`, 'missing oidcToken'],
    [`${fulcio}  oidcIssuerURL: https://i.example\n`, 'missing oidcMode'],
    [`${fulcio}  oidcIssuerURL: https://i.example\n  oidcMode: nope\n`, 'unknown oidcMode value "nope"'],
    [`${fulcio}  oidcIssuerURL: https://i.example\n  oidcMode: interactive\n`, 'missing oidcClientID'],
    [
      `fulcio:\n  fulcioURL: fulcio.example\n${staticToken}`,
      'parsing fulcioURL "(malformed URL)": it is not an http or https URL',
    ],
    ['privateKeyFile: a\nrekorURL: ftp://h/\n', 'parsing rekorURL "ftp://h/": it is not an http or https URL'],
  ])('%j', async (text, message) => {
    await expect(parseSigstoreParameters(text, 'p.yaml')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
  })

  test('what is malformed is not shown: it may be a token', async () => {
    for (const text of [`fulcio: {oidcIDToken: ${secret}`, `fulcio:\n  oidcIDToken: "${secret}\n`, `\t${secret}: [`]) {
      const error = await parseSigstoreParameters(text, 'p.yaml').catch((problem: unknown) => problem)
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('eyJ') as string })
    }
  })
})
