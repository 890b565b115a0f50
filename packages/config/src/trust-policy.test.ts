import { dockerPolicyScopes, parseDockerReference, rawManifest, type UnverifiedImage } from '@transload/contract'
import { expect, test } from 'vitest'

import { parsePolicy } from './policy.ts'
import { createTrustPolicy } from './trust-policy.ts'

const accept = [{ type: 'insecureAcceptAnything' }]
const reject = [{ type: 'reject' }]
const signed = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }]

function dockerImage(name: string): UnverifiedImage {
  const policyScopes = dockerPolicyScopes(parseDockerReference(name))
  return image({ scheme: 'docker', text: `//${name}`, policyScopes })
}

function image(reference: UnverifiedImage['reference']): UnverifiedImage {
  return { reference, manifest: rawManifest(Buffer.from('{}')), signatures: async () => [] }
}

async function isAllowed(policy: unknown, subject: UnverifiedImage): Promise<boolean> {
  return (await createTrustPolicy(parsePolicy(JSON.stringify(policy), '/p.json')).evaluate(subject)).allowed
}

test.each([
  ['the default', { default: accept }, true],
  ['the default', { default: reject }, false],
  ['the transport’s default', { default: reject, transports: { docker: { '': accept } } }, true],
  ['not another transport’s', { default: reject, transports: { dir: { '': accept } } }, false],
  ['the host', { default: reject, transports: { docker: { '': reject, 'a.r.test:5000': accept } } }, true],
  [
    'a namespace before the host',
    { default: reject, transports: { docker: { 'a.r.test:5000': reject, 'a.r.test:5000/team': accept } } },
    true,
  ],
  [
    'the image before its repository',
    {
      default: reject,
      transports: { docker: { 'a.r.test:5000/team/app': accept, 'a.r.test:5000/team/app:1': reject } },
    },
    false,
  ],
  ['a wildcard', { default: reject, transports: { docker: { '*.r.test': accept } } }, true],
  ['not the host without its port', { default: reject, transports: { docker: { 'a.r.test': accept } } }, false],
  ['not half a name', { default: reject, transports: { docker: { 'a.r.test:5000/te': accept } } }, false],
  ['every requirement', { default: [...accept, ...reject] }, false],
])('%s decides', async (_, policy, allowed) => {
  expect(await isAllowed(policy, dockerImage('a.r.test:5000/team/app:1'))).toBe(allowed)
})

test('the reason of a refusal', async () => {
  const policy = createTrustPolicy(
    parsePolicy(JSON.stringify({ default: reject, transports: { dir: { '/s': signed } } }), '/p.json'),
  )
  expect(await policy.evaluate(dockerImage('busybox:latest'))).toEqual({
    allowed: false,
    reasons: ['Running image docker://busybox:latest is rejected by policy.'],
  })
  expect(await policy.evaluate(image({ scheme: 'dir', text: '/s/a', policyScopes: ['/s/a', '/s'] }))).toEqual({
    allowed: false,
    reasons: ['/p.json asks for signedBy, which needs signature verification, which this version does not do'],
  })
})
