import { parseManifest, rawManifest, mediaTypes, type Platform } from '@transload/contract'
import { fc, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { chooseInstance } from './select-instance.ts'

const variant = fc.option(fc.constantFrom('v5', 'v6', 'v7', 'v8', 'v9', ''), { nil: undefined })
const platform = fc.record({
  os: fc.constantFrom('linux', 'windows', 'unknown'),
  architecture: fc.constantFrom('amd64', 'arm', 'arm64', 'unknown'),
  variant,
})
const entry = fc.record({
  platform: fc.option(platform, { nil: undefined }),
  annotations: fc.option(fc.constant({ 'io.github.containers.compression.zstd': 'true' }), { nil: undefined }),
})

test('what is chosen is in the index and runs on the platform; nothing is chosen only where nothing does', () => {
  const type = fc.constantFrom(mediaTypes.ociIndex, mediaTypes.dockerList)
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), platform, type, (entries, wanted, mediaType) => {
      const manifests = entries.map((one, position) => ({
        ...one,
        mediaType: mediaTypes.ociManifest,
        digest: `sha256:${String(position).padStart(64, '0')}`,
        size: 1,
      }))
      const index = parseManifest(
        rawManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests })), mediaType),
      )
      if (index.kind !== 'index') throw new Error('not an index')
      const chosen = outcome(() => chooseInstance(index, wanted))
      if ('code' in chosen) {
        expect(chosen.code).toBe('PLATFORM_UNKNOWN')
        expect(index.manifests.some(({ platform: has }) => isExactly(has, wanted))).toBe(false)
      } else {
        expect(index.manifests).toContain(chosen.value)
        expect(isSameMachine(chosen.value.platform, wanted)).toBe(true)
      }
    }),
  )
})

/** An entry without a platform runs wherever one hopes. */
function isSameMachine(has: Platform | undefined, wanted: Platform): boolean {
  return !has || (has.os === wanted.os && has.architecture === wanted.architecture)
}

function isExactly(has: Platform | undefined, wanted: Platform): boolean {
  return has !== undefined && isSameMachine(has, wanted) && (has.variant || undefined) === (wanted.variant || undefined)
}
