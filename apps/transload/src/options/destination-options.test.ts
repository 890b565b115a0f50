import { describe, expect, it } from 'vitest'

import { resolveLayerOptions, type DestinationValues } from './destination-options.ts'

function resolve(given: Partial<DestinationValues>, scheme: string): { layers: unknown; warnings: string[] } {
  const warnings: string[] = []
  const destination = { scheme, text: 'out', policyScopes: [] }
  const options = resolveLayerOptions(given as DestinationValues, destination, (_level, message) =>
    warnings.push(message),
  )
  return { layers: options.layers, warnings }
}

describe('resolveLayerOptions', () => {
  it.each<[Partial<DestinationValues>, string, string | undefined]>([
    [{}, 'dir', undefined],
    [{ compress: true }, 'dir', 'compressed'],
    [{ decompress: true }, 'dir', 'uncompressed'],
    [{ ociAcceptUncompressedLayers: true }, 'oci', 'as-is'],
    [{ ociAcceptUncompressedLayers: true }, 'oci-archive', 'as-is'],
    [{ ociAcceptUncompressedLayers: true }, 'docker', undefined],
  ])('%j to %s', (given, scheme, layers) => {
    expect(resolve(given, scheme)).toEqual({ layers, warnings: [] })
  })

  it.each([
    [{ compress: true }, "--dest-compress can only be used if the destination transport is 'dir'"],
    [{ decompress: true }, "--dest-decompress can only be used if the destination transport is 'dir'"],
  ])('OBS-07: warns of %j elsewhere', (given, warning) => {
    expect(resolve(given, 'oci')).toEqual({ layers: undefined, warnings: [warning] })
  })

  it.each<[Partial<DestinationValues>, string]>([
    [
      { compress: true, decompress: true },
      'initializing destination dir:out: Cannot compress and decompress at the same time',
    ],
    [{ compressFormat: 'bzip2' }, 'compression using bzip2 required, but none of the known manifest formats'],
    [{ compressFormat: 'rar' }, 'cannot find compressor for "rar"'],
    [{ forceCompressFormat: true }, 'cannot use ForceCompressionFormat with undefined default compression format'],
  ])('refuses %j', (given, problem) => {
    expect(() => resolve(given, 'dir')).toThrow(problem)
  })
})
