import { digestOf, mediaTypes, type Descriptor, type Digest, type Platform } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { checkAllSeen, pickEntries } from './image-selection.ts'

/** `os/arch[/variant]`, `-` for no platform, `index` for an index; `@N` at the end: an attestation about entry N. */
function entries(texts: readonly string[]): Descriptor[] {
  return texts.map((text, position) => {
    const [name = '', about] = text.split('@')
    const annotations = {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digestAt(Number(about)),
    }
    return {
      mediaType: name.startsWith('index') ? mediaTypes.ociIndex : mediaTypes.ociManifest,
      digest: digestAt(position),
      size: position,
      ...(name.includes('/') ? { platform: platformOf(name.replace('index:', '')) } : {}),
      ...(about === undefined ? {} : { annotations }),
    }
  })
}

function digestAt(position: number): Digest {
  return digestOf(Buffer.from(String(position)))
}

function platformOf(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/')
  return { os, architecture, ...(variant ? { variant } : {}) }
}

describe('pickEntries', () => {
  it.each([
    ['one platform', ['linux/amd64', 'linux/arm64'], ['linux/arm64'], [1]],
    ['several, in the order of the index', ['linux/amd64', 'linux/arm64'], ['linux/arm64', 'linux/amd64'], [0, 1]],
    ['every entry of a platform', ['linux/amd64', 'linux/amd64', 'windows/amd64'], ['linux/amd64'], [0, 1]],
    ['all variants if none is given', ['linux/arm/v6', 'linux/arm/v7'], ['linux/arm'], [0, 1]],
    ['only the variant given', ['linux/arm/v6', 'linux/arm/v7'], ['linux/arm/v7'], [1]],
    ['no variant as the usual one', ['linux/arm64', 'linux/arm'], ['linux/arm64/v8', 'linux/arm/v7'], [0, 1]],
    [
      'attestations with their image only',
      ['linux/amd64', 'linux/arm64', 'unknown/unknown@0', 'unknown/unknown@1'],
      ['linux/arm64'],
      [1, 3],
    ],
    ['no attestation as a platform', ['linux/amd64', 'unknown/unknown@0'], ['unknown/unknown'], []],
    ['an index to look into', ['linux/amd64', 'index', 'index:linux/s390x'], ['linux/arm64'], [1]],
    ['nothing without a platform', ['-', 'linux/amd64'], ['linux/amd64'], [1]],
  ] as const)('picks %s', (_, texts, platforms, positions) => {
    const picked = pickEntries(entries(texts), { platforms: platforms.map(platformOf) }, new Set())
    expect(picked.map(({ position }) => position)).toEqual(positions)
  })

  it('picks by digest too', () => {
    const wanted = { platforms: [platformOf('linux/amd64')], digests: [digestAt(1)] }
    const picked = pickEntries(entries(['linux/amd64', 'linux/arm64', 'linux/s390x']), wanted, new Set())
    expect(picked.map(({ position }) => position)).toEqual([0, 1])
  })
})

describe('checkAllSeen', () => {
  const there = entries(['linux/amd64', 'linux/arm/v7', 'unknown/unknown'])

  it('throws for a platform that is missing, and says which there are', () => {
    const platforms = ['linux/amd64', 'linux/arm/v8'].map(platformOf)
    expect(() => checkAllSeen({ platforms }, new Set(platforms.slice(0, 1)), there)).toThrow(
      expect.objectContaining({
        code: 'PLATFORM_UNKNOWN',
        message: 'preparing instances for copy: no instances found for platform linux/arm/v8',
        hint: 'It has linux/amd64, linux/arm/v7.',
      }),
    )
  })

  it('throws for a digest that is missing', () => {
    const digests = [digestAt(7)]
    expect(() => checkAllSeen({ platforms: [], digests }, new Set(), there)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_UNKNOWN' }),
    )
  })
})
