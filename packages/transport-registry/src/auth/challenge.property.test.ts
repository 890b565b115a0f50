import { fc, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { parseChallenges } from './challenge.ts'

const samples = [
  'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
  'Basic realm="a \\"quoted\\" place"',
  'Bearer realm=token , error="insufficient_scope", Basic realm=x',
]

test('any header gives challenges, none of them with empty names or values', () => {
  fc.assert(
    fc.property(fc.array(textLike(samples), { maxLength: 3 }), (lines) => {
      for (const { scheme, parameters } of parseChallenges(lines)) {
        expect(scheme).toMatch(/^[^\sA-Z]+$/)
        for (const [name, value] of Object.entries(parameters)) expect(name !== '' && value !== '').toBe(true)
      }
    }),
  )
})

test('parameters come back as they were written', () => {
  const value = fc.string({ minLength: 1 })
  fc.assert(
    fc.property(value, value, (realm, service) => {
      const line = `Bearer realm=${quoted(realm)},service=${quoted(service)}`
      expect(parseChallenges([line])).toEqual([{ scheme: 'bearer', parameters: { realm, service } }])
    }),
  )
})

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
