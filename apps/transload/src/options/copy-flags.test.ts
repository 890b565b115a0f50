import { describe, expect, it } from 'vitest'

import { resolveAdditionalTags, resolveFormat, resolveImageSelection, type CopyValues } from './copy-flags.ts'

function values(given: Partial<CopyValues>): CopyValues {
  return given as CopyValues
}

describe('which images', () => {
  it.each<[Partial<CopyValues>, string]>([
    [{}, 'system'],
    [{ all: true }, 'all'],
    [{ all: false, multiArch: undefined }, 'system'],
    [{ multiArch: 'all' }, 'all'],
    [{ multiArch: 'index-only' }, 'index-only'],
  ])('%j', (given, selection) => {
    expect(resolveImageSelection(values(given))).toBe(selection)
  })

  it('OBS-05: not --all with --multi-arch', () => {
    expect(() => resolveImageSelection(values({ all: true, multiArch: 'system' }))).toThrow(
      'Cannot use --all and --multi-arch flags together',
    )
  })

  it.each([
    [{}, 'keep'],
    [{ stripRemovedPlatforms: true }, 'strip'],
  ] as const)('some platforms, and with %j', (given, others) => {
    expect(resolveImageSelection(values({ multiArch: 'linux/amd64, linux/arm/v7', ...given }))).toEqual({
      platforms: [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm', variant: 'v7' },
      ],
      others,
    })
  })

  it.each([
    [{ multiArch: 'linux/amd64,' }, 'invalid platform "": expected OS/ARCH[/VARIANT]'],
    [{ multiArch: 'linux/arm/v7/x' }, 'invalid platform "linux/arm/v7/x": expected OS/ARCH[/VARIANT]'],
    [{ multiArch: 'linux/' }, 'invalid platform "linux/": expected OS/ARCH[/VARIANT]'],
    [
      { all: true, stripRemovedPlatforms: true },
      '--strip-removed-platforms can only be used with --multi-arch=OS/ARCH,...',
    ],
  ])('not %j', (given, message) => {
    expect(() => resolveImageSelection(values(given))).toThrow(expect.objectContaining({ code: 'USAGE', message }))
  })

  it('refuses another word', () => {
    expect(() => resolveImageSelection(values({ multiArch: 'x' }))).toThrow(
      `unknown multi-arch option "x". Choose one of the supported options: 'system', 'all', or 'index-only'`,
    )
  })
})

describe('UNI-30: formats', () => {
  it.each([
    [undefined, undefined],
    ['oci', 'oci'],
    ['v2s1', 'schema1'],
    ['v2s2', 'docker'],
  ])('%s', (format, expected) => {
    expect(resolveFormat(values({ format }))).toBe(expected)
  })

  it.each(['', 'badValue'])('refuses %j', (format) => {
    expect(() => resolveFormat(values({ format }))).toThrow(
      `unknown format ${JSON.stringify(format)}. Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'`,
    )
  })
})

describe('additional tags', () => {
  it('get their full name', () => {
    expect(resolveAdditionalTags(values({ additionalTag: ['busybox:mine'] }))).toEqual([
      'docker.io/library/busybox:mine',
    ])
  })

  it.each([
    ['busybox', "additional-tag 'busybox' must be a tagged reference"],
    ['UPPER:x', "error parsing additional-tag 'UPPER:x': invalid reference format: repository name must be lowercase"],
  ])('refuse %s', (tag, problem) => {
    expect(() => resolveAdditionalTags(values({ additionalTag: [tag] }))).toThrow(problem)
  })
})
