import { describe, expect, it } from 'vitest'

import { readDockerArchiveOptions, readOciArchiveOptions } from './options.ts'

describe('readDockerArchiveOptions', () => {
  it('makes full names of additional tags', () => {
    expect(readDockerArchiveOptions({ additionalTags: ['busybox:1', 'quay.io/a/b:2'] }).additionalTags).toEqual([
      'docker.io/library/busybox:1',
      'quay.io/a/b:2',
    ])
  })

  it.each([
    [{ additionalTags: ['busybox'] }, "additional-tag 'busybox' must be a tagged reference"],
    [{ additionalTags: ['-'] }, "error parsing additional-tag '-': invalid reference format"],
    [{ additionalTags: 'busybox:1' }, 'docker-archive transport: additionalTags is not a list of names'],
    [{ maxUnpackedBytes: '1 GB' }, 'docker-archive transport: maxUnpackedBytes is not a number of bytes'],
    [{ additionalTag: 'x' }, 'docker-archive transport: there is no option "additionalTag"'],
  ])('refuses %j', (given, message) => {
    expect(() => readDockerArchiveOptions(given)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }))
  })
})

describe('readOciArchiveOptions', () => {
  it.each([
    [{ readForeignLayer: 1 }, 'oci-archive transport: readForeignLayer is not a function'],
    [{ acceptUncompressedLayers: 'yes' }, 'oci-archive transport: acceptUncompressedLayers is not true or false'],
    [{ additionalTags: [] }, 'oci-archive transport: there is no option "additionalTags"'],
  ])('refuses %j', (given, message) => {
    expect(() => readOciArchiveOptions(given)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }))
  })
})
