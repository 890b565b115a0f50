import {
  canonicalText,
  dockerPolicyScopes,
  parseDockerReference,
  type IdentityMatcher,
  type ImageReference,
} from '@transload/contract'
import { describe, expect, test } from 'vitest'

import { acceptsIdentity } from './accepts-identity.ts'

const digest = `sha256:${'a'.repeat(64)}`
const otherDigest = `sha256:${'b'.repeat(64)}`

function image(name: string | undefined): ImageReference {
  if (name === undefined) return { scheme: 'dir', text: '/d', policyScopes: ['/d'] }
  const reference = parseDockerReference(name)
  return {
    scheme: 'docker',
    text: `//${name}`,
    name: canonicalText(reference),
    policyScopes: dockerPolicyScopes(reference),
  }
}

const remap = { type: 'remapIdentity', prefix: 'mirror.test/x', signedPrefix: 'r.test/y' } as const
const remapHost = { type: 'remapIdentity', prefix: 'mirror.test', signedPrefix: 'docker.io' } as const

describe('is accepted', () => {
  test.each<[IdentityMatcher, string | undefined, string | undefined]>([
    [{ type: 'matchExact' }, 'r.test/a:1', 'r.test/a:1'],
    [{ type: 'matchExact' }, 'busybox:1', 'docker.io/library/busybox:1'],
    [{ type: 'matchExact' }, 'docker.io/library/busybox:1', 'busybox:1'],
    [{ type: 'matchExact' }, `r.test/a@${digest}`, `r.test/a@${digest}`],
    [{ type: 'matchRepoDigestOrExact' }, 'r.test/a:1', 'r.test/a:1'],
    [{ type: 'matchRepoDigestOrExact' }, `r.test/a@${digest}`, 'r.test/a:1'],
    [{ type: 'matchRepoDigestOrExact' }, `r.test/a@${digest}`, `r.test/a@${otherDigest}`],
    [{ type: 'matchRepoDigestOrExact' }, `r.test/a:1@${digest}`, `r.test/a:1@${digest}`],
    [{ type: 'matchRepository' }, 'r.test/a:1', 'r.test/a:2'],
    [{ type: 'matchRepository' }, 'r.test/a:1', 'r.test/a'],
    [{ type: 'matchRepository' }, `r.test/a@${digest}`, 'r.test/a'],
    [{ type: 'exactReference', dockerReference: 'busybox:1' }, undefined, 'docker.io/library/busybox:1'],
    [{ type: 'exactReference', dockerReference: 'r.test/a:1' }, 'other.test/b:2', 'r.test/a:1'],
    [{ type: 'exactRepository', dockerRepository: 'r.test/a' }, undefined, 'r.test/a:1'],
    [{ type: 'exactRepository', dockerRepository: 'r.test/a:9' }, 'other.test/b:2', 'r.test/a'],
    [remap, 'mirror.test/x/a:1', 'r.test/y/a:1'],
    [remap, 'mirror.test/x:1', 'r.test/y:1'],
    [remap, `mirror.test/x/a@${digest}`, 'r.test/y/a:1'],
    [remap, 'mirror.test/xx/a:1', 'mirror.test/xx/a:1'],
    [remap, 'other.test/a:1', 'other.test/a:1'],
    [remapHost, 'mirror.test/library/busybox:1', 'busybox:1'],
    [{ type: 'notOtherRepository' }, 'r.test/a:1', 'r.test/a'],
    [{ type: 'notOtherRepository' }, 'r.test/a:1', undefined],
    [{ type: 'notOtherRepository' }, undefined, 'r.test/a:1'],
    [{ type: 'notOtherRepository' }, undefined, undefined],
  ])('%j: %s as %s', (matcher, name, identity) => {
    expect(acceptsIdentity(matcher, image(name), identity)).toBe(true)
  })
})

describe('is not accepted', () => {
  test.each<[IdentityMatcher, string | undefined, string | undefined]>([
    [{ type: 'matchExact' }, 'r.test/a:1', 'r.test/a:2'],
    [{ type: 'matchExact' }, 'r.test/a:1', 'r.test/a'],
    [{ type: 'matchExact' }, 'r.test/a:1', `r.test/a:1@${digest}`],
    [{ type: 'matchExact' }, `r.test/a@${digest}`, 'r.test/a:1'],
    [{ type: 'matchExact' }, 'r.test/a', 'r.test/a'],
    [{ type: 'matchExact' }, undefined, 'r.test/a:1'],
    [{ type: 'matchRepoDigestOrExact' }, 'r.test/a:1', 'r.test/a:2'],
    [{ type: 'matchRepoDigestOrExact' }, 'r.test/a:1', `r.test/a@${digest}`],
    [{ type: 'matchRepoDigestOrExact' }, 'r.test/a:1', 'r.test/a'],
    [{ type: 'matchRepoDigestOrExact' }, 'r.test/a:1', 'other.test/a:1'],
    [{ type: 'matchRepoDigestOrExact' }, `r.test/a@${digest}`, 'r.test/a'],
    [{ type: 'matchRepoDigestOrExact' }, `r.test/a@${digest}`, 'r.test/b:1'],
    [{ type: 'matchRepoDigestOrExact' }, `r.test/a:1@${digest}`, 'r.test/a:1'],
    [{ type: 'matchRepoDigestOrExact' }, 'r.test/a', 'r.test/a:1'],
    [{ type: 'matchRepoDigestOrExact' }, undefined, 'r.test/a:1'],
    [{ type: 'matchRepository' }, 'r.test/a:1', 'r.test/a/b:1'],
    [{ type: 'matchRepository' }, 'r.test/a:1', 'r.test:5000/a:1'],
    [{ type: 'matchRepository' }, undefined, 'r.test/a:1'],
    [{ type: 'exactReference', dockerReference: 'r.test/a:1' }, 'r.test/a:1', 'r.test/a'],
    [{ type: 'exactReference', dockerReference: 'r.test/a:1' }, 'r.test/a:2', 'r.test/a:2'],
    [{ type: 'exactRepository', dockerRepository: 'r.test/a' }, 'r.test/b:1', 'r.test/b:1'],
    [remap, 'mirror.test/x/a:1', 'mirror.test/x/a:1'],
    [remap, 'mirror.test/x/a:1', 'r.test/y/a:2'],
    [remap, 'mirror.test/xx/a:1', 'r.test/yx/a:1'],
    [remap, undefined, 'r.test/y/a:1'],
    // Of a prefix without a host nobody can say what it stands for.
    [{ type: 'remapIdentity', prefix: 'mirror.test', signedPrefix: 'library' }, 'mirror.test/a:1', 'library/a:1'],
    [{ type: 'remapIdentity', prefix: 'busybox', signedPrefix: 'r.test/a' }, 'busybox:1', 'r.test/a:1'],
    [{ type: 'matchExact' }, 'r.test/a:1', 'UPPER/a:1'],
    [{ type: 'matchExact' }, 'r.test/a:1', ''],
    [{ type: 'matchRepository' }, 'r.test/a:1', undefined],
    [{ type: 'exactRepository', dockerRepository: 'r.test/a' }, undefined, undefined],
    [{ type: 'notOtherRepository' }, 'r.test/a:1', 'r.test/b:1'],
    [{ type: 'notOtherRepository' }, undefined, 'UPPER'],
    [{ type: 'matchAnything' } as never, 'r.test/a:1', 'r.test/a:1'],
  ])('%j: %s as %s', (matcher, name, identity) => {
    expect(acceptsIdentity(matcher, image(name), identity)).toBe(false)
  })
})
