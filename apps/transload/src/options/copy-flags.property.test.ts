import { fc, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { resolveAdditionalTags, resolveImageSelection, type CopyValues } from './copy-flags.ts'

test('a list of platforms is refused with a code, or has an operating system and an architecture each', () => {
  fc.assert(
    fc.property(textLike(['linux/amd64,linux/arm/v7', 'index-only', 'windows/amd64']), (multiArch) => {
      const selection = outcome(() => resolveImageSelection({ multiArch } as CopyValues))
      if ('code' in selection) expect(selection.code).toBe('USAGE')
      else if (typeof selection.value === 'object') {
        expect(selection.value.platforms.every(({ os, architecture }) => os !== '' && architecture !== '')).toBe(true)
      }
    }),
  )
})

test('an additional tag is refused with a code, or is a name with a tag', () => {
  fc.assert(
    fc.property(textLike(['busybox:1', 'host:5000/a/b:c']), (tag) => {
      const tags = outcome(() => resolveAdditionalTags({ additionalTag: [tag] } as unknown as CopyValues))
      expect('code' in tags || tags.value.every((name) => /:[^/]+$/.test(name))).toBe(true)
    }),
  )
})
