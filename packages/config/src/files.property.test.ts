import { fc, jsonLike, laterOutcome, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseCredentialKey } from './credential-key.ts'
import { readSecret } from './kubernetes-secret.ts'
import { parsePolicy } from './policy.ts'
import { parseAliasFile, parseRegistriesFile } from './registries-file.ts'
import { parseSigstoreParameters } from './sigstore-parameters.ts'
import { parseTlsDetails } from './tls-details.ts'

const registries = [
  'unqualified-search-registries = ["a.example", "b.example:5000"]\nshort-name-mode = "enforcing"\n',
  '[[registry]]\nprefix = "*.example.com"\nlocation = "m.example/a"\nblocked = true\n[[registry.mirror]]\n' +
    'location = "x.example"\ninsecure = true\npull-from-mirror = "digest-only"\n',
  '[aliases]\n"app" = "host.example/team/app"\n"other" = ""\n',
  '[registries.search]\nregistries = ["docker.io"]\n[registries.insecure]\nregistries = ["h:1"]\n',
  'credential-helpers = ["containers-auth.json", "secretservice"]\n',
]

test('a registries.conf is refused with a code, or parses', () => {
  fc.assert(
    fc.property(textLike(registries), fc.boolean(), (text, allowsVersion1) => {
      const parsed = outcome(() => parseRegistriesFile(text, 'registries.conf', { allowsVersion1 }))
      if ('code' in parsed) {
        expect(parsed.code).toBe('CONFIG_INVALID')
        return
      }
      for (const { prefix } of parsed.value.registries) expect(prefix).not.toBe('')
      expect(outcome(() => parseAliasFile(text, 'aliases.conf'))).toHaveProperty('value')
    }),
  )
})

const keys = { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/key.gpg', signedIdentity: { type: 'matchRepository' } }
const policies = [
  { default: [{ type: 'reject' }] },
  {
    default: [{ type: 'insecureAcceptAnything' }],
    transports: { docker: { 'host.example/a': [keys] }, dir: { '/a/b': [{ type: 'reject' }] } },
  },
  { default: [{ type: 'sigstoreSigned', keyData: 'AAAA', rekorPublicKeyPath: '/r', signedIdentity: keys }] },
]

test('a policy is refused with a code, or has requirements for everything', () => {
  fc.assert(
    fc.property(jsonLike(policies), (text) => {
      const parsed = outcome(() => parsePolicy(text, 'policy.json'))
      if ('code' in parsed) {
        expect(parsed.code).toBe('CONFIG_INVALID')
        return
      }
      const lists = [parsed.value.default, ...parsed.value.transports.values().flatMap((scopes) => scopes.values())]
      for (const requirements of lists) expect(requirements.length).toBeGreaterThan(0)
    }),
  )
})

const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'pull' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': 'eyJhdXRocyI6e319' },
}
const secretYaml = [
  'apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockercfg\ndata:\n  .dockercfg: e30=\n',
  'kind: List\nitems:\n- kind: Secret\n  stringData: {.dockerconfigjson: "{}"}\n',
  'a: &x [*x]\n<<: *x\n',
]

test('a Secret is refused with a code, or is a text', async () => {
  const either = fc.oneof(jsonLike([secret, { kind: 'List', items: [secret] }]), textLike(secretYaml))
  await fc.assert(
    fc.asyncProperty(either, async (text) => {
      const parsed = await laterOutcome(() => readSecret(text, 'secret.yaml'))
      if ('code' in parsed) expect(parsed.code).toBe('CONFIG_INVALID')
      else expect(parsed.value?.text ?? '').toBeTypeOf('string')
    }),
  )
})

test('TLS details are refused with a code, or restrict something', async () => {
  const samples = [
    'minVersion: "1.3"\n',
    'namedGroups: [x25519, secp256r1]\ncipherSuites:\n- TLS_AES_128_GCM_SHA256\n',
    '{}',
  ]
  await fc.assert(
    fc.asyncProperty(textLike(samples), async (text) => {
      const parsed = await laterOutcome(() => parseTlsDetails(text, 'tls.yaml'))
      expect('code' in parsed ? parsed.code : typeof parsed.value).toBe('code' in parsed ? 'CONFIG_INVALID' : 'object')
    }),
  )
})

test('what to log in to is refused with a code, or has a host', () => {
  const samples = ['docker.io', 'https://host.example:5000/v2/', 'host.example/team/app', '[::1]:5000', 'a:1@x']
  fc.assert(
    fc.property(textLike(samples), (text) => {
      const parsed = outcome(() => parseCredentialKey(text))
      if ('code' in parsed) expect(parsed.code).toBe('REFERENCE_INVALID')
      else expect(parsed.value.key.startsWith(parsed.value.host)).toBe(true)
    }),
  )
})

const signingParameters = [
  'privateKeyFile: a.key\nprivateKeyPassphraseFile: pass\nrekorURL: https://r.example\n',
  'fulcio:\n  fulcioURL: https://f.example\n  oidcMode: staticToken\n  oidcIDToken: eyJ.SECRET.x\n',
  'fulcio: &f {fulcioURL: "http://f", oidcMode: interactive, oidcIssuerURL: http://i, oidcClientID: c}\n',
]

test('a signing parameter file is refused with a code, or says what to sign with', async () => {
  await fc.assert(
    fc.asyncProperty(textLike(signingParameters), async (text) => {
      const parsed = await laterOutcome(() => parseSigstoreParameters(text, 'p.yaml'))
      if ('code' in parsed) expect(parsed.code).toBe('CONFIG_INVALID')
      else expect('privateKeyFile' in parsed.value.key || parsed.value.key.fulcioUrl !== '').toBe(true)
    }),
  )
})
