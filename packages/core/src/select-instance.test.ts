import { digestOf, type Descriptor } from '@transload/contract'
import { describe, expect, it } from 'vitest'

import { chooseInstance, zstdAnnotation } from './select-instance.ts'

/** `os/arch[/variant]`, `-` for no platform, `+zstd` at the end for the annotation. */
function entries(texts: readonly string[]): Descriptor[] {
  return texts.map((text, position) => {
    const [os = '', architecture = '', variant] = text.replace('+zstd', '').split('/')
    return {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestOf(Buffer.from(String(position))),
      size: position,
      ...(text.startsWith('-') ? {} : { platform: { os, architecture, ...(variant ? { variant } : {}) } }),
      ...(text.endsWith('+zstd') ? { annotations: { [zstdAnnotation]: 'true' } } : {}),
    }
  })
}

function chosen(format: 'oci' | 'docker', texts: readonly string[], wanted: string): number {
  const [os = '', architecture = '', variant] = wanted.split('/')
  const platform = { os, architecture, ...(variant ? { variant } : {}) }
  return chooseInstance({ kind: 'index', format, manifests: entries(texts) }, platform).size!
}

describe('chooseInstance', () => {
  it.each([
    ['the only match', 'oci', ['linux/arm64', 'linux/amd64'], 'linux/amd64', 1],
    ['the first of equals', 'docker', ['windows/amd64', 'linux/amd64', 'linux/amd64'], 'linux/amd64', 1],
    ['the same variant first', 'docker', ['linux/arm', 'linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7', 2],
    ['an older variant', 'docker', ['linux/arm', 'linux/arm/v5', 'linux/arm/v6'], 'linux/arm/v7', 2],
    ['no variant at last', 'docker', ['linux/arm', 'linux/arm/v8'], 'linux/arm/v7', 0],
    ['no variant first when none is wanted', 'docker', ['linux/arm/v7', 'linux/arm'], 'linux/arm', 1],
    ['the highest when none is wanted', 'docker', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm', 1],
    ['a variant outside every chain', 'oci', ['linux/amd64', 'linux/amd64/v2'], 'linux/amd64/v2', 1],
    ['none instead of one outside every chain', 'oci', ['linux/amd64'], 'linux/amd64/v3', 0],
    ['zstd among equals', 'oci', ['linux/amd64', 'linux/amd64+zstd'], 'linux/amd64', 1],
    ['no zstd preference in a Docker list', 'docker', ['linux/amd64', 'linux/amd64+zstd'], 'linux/amd64', 0],
    ['a better variant before zstd', 'oci', ['linux/arm64+zstd', 'linux/arm64/v8'], 'linux/arm64/v8', 1],
    ['an entry without platform as a last resort', 'oci', ['-', 'linux/arm64'], 'linux/amd64', 0],
    ['a real match before one without platform', 'oci', ['-', 'linux/amd64'], 'linux/amd64', 1],
  ] as const)('takes %s', (_, format, texts, wanted, position) => {
    expect(chosen(format, texts, wanted)).toBe(position)
  })

  it.each([
    [
      'docker',
      ['linux/arm/v7', 'linux/arm/v6'],
      'linux/arm/v5',
      /^no image found in manifest list for architecture "arm", variant "v5", OS "linux"$/,
    ],
    [
      'oci',
      ['linux/arm64/v8'],
      'linux/arm64/v9',
      /^no image found in image index for architecture "arm64", variant "v9", OS "linux"$/,
    ],
    ['docker', ['-'], 'linux/amd64', /manifest list for architecture "amd64", variant "", OS "linux"$/],
  ] as const)('finds nothing for it in a %s list of %j', (format, texts, wanted, message) => {
    expect(() => chosen(format, texts, wanted)).toThrow(
      expect.objectContaining({ code: 'PLATFORM_UNKNOWN', message: expect.stringMatching(message) }),
    )
  })

  it('says what there is', () => {
    expect(() => chosen('oci', ['linux/arm64/v8', 'unknown/unknown', 'linux/arm64/v8'], 'linux/s390x')).toThrow(
      expect.objectContaining({ hint: 'It has linux/arm64/v8.' }),
    )
  })
})
