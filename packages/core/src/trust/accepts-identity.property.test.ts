import { canonicalText, parseDockerReference, repositoryName, type ImageReference } from '@transload/contract'
import { fc, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { acceptsIdentity } from './accepts-identity.ts'

const digest = `sha256:${'a'.repeat(64)}`
const repository = fc
  .tuple(
    fc.constantFrom('r.test', 'r.test:5000', 'localhost', 'docker.io'),
    fc.stringMatching(/^[a-z]{1,3}(\/[a-z]{1,3}){0,2}$/),
  )
  .map(([host, path]) => `${host}/${path}`)
const name = fc
  .tuple(repository, fc.constantFrom('', ':1', ':2', `@${digest}`, `:1@${digest}`))
  .map(([base, rest]) => canonicalText(parseDockerReference(base + rest)))

function image(text: string): ImageReference {
  return { scheme: 'docker', text: `//${text}`, name: text, policyScopes: [] }
}

test('what matches exactly also matches less exactly, and then names the same repository', () => {
  fc.assert(
    fc.property(name, name, (wanted, signed) => {
      const accepts = (['matchExact', 'matchRepoDigestOrExact', 'matchRepository', 'notOtherRepository'] as const).map(
        (type) => acceptsIdentity({ type }, image(wanted), signed),
      )
      expect(accepts).toEqual(accepts.toSorted((a, b) => Number(a) - Number(b)))
      const isSame = repositoryOf(wanted) === repositoryOf(signed)
      expect(accepts.at(-1)).toBe(isSame)
      expect(accepts[0]).toBe(wanted === signed && wanted !== repositoryOf(wanted))
    }),
  )
})

test('an image moved to another place is accepted there by remapping, and nowhere else', () => {
  fc.assert(
    fc.property(name, repository, repository, (original, signedPrefix, prefix) => {
      const signed = original.replace(repositoryOf(original), `${signedPrefix}/app`)
      const moved = original.replace(repositoryOf(original), `${prefix}/app`)
      const matcher = { type: 'remapIdentity', prefix, signedPrefix } as const
      const exact = acceptsIdentity({ type: 'matchRepoDigestOrExact' }, image(signed), signed)
      expect(acceptsIdentity(matcher, image(moved), signed)).toBe(exact)
      if (signed !== moved) expect(acceptsIdentity(matcher, image(moved), moved)).toBe(false)
    }),
  )
})

test('what is no name fits nothing', () => {
  fc.assert(
    fc.property(textLike(['r.test/a:1', `r.test/a@${digest}`]), (text) => {
      const fits = acceptsIdentity({ type: 'exactRepository', dockerRepository: 'r.test/a' }, image('r.test/a:1'), text)
      expect(fits).toBe(isName(text) && repositoryOf(text) === 'r.test/a')
    }),
  )
})

function repositoryOf(text: string): string {
  return repositoryName(parseDockerReference(text))
}

function isName(text: string): boolean {
  try {
    parseDockerReference(text)
    return true
  } catch {
    return false
  }
}
