import { digestOf, type Schema1Layer } from '@transload/contract'
import { fc, jsonLike, outcome } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { configFromHistory } from './config-from-history.ts'
import { historyFromConfig } from './history-from-config.ts'
import { encodeMembers, parseMembers } from './json-members.ts'

const digest = digestOf(Buffer.from('layer'))
const created = '2016-01-02T03:04:05.600Z'
const step = { created, author: 'A', comment: 'c', container_config: { Cmd: ['sh', '-c', 'x'] } }
const old = {
  ...step,
  docker_version: '1.7.1',
  config: { Labels: { a: '1' }, Env: ['A=1'], Volumes: { '/v': {} }, Healthcheck: { Test: ['NONE'], Interval: 3 } },
}
const config = {
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [digest] },
  history: [{ created, created_by: 'ADD', author: 'A' }, { created_by: 'ENV', empty_layer: true }, {}],
}

const fine = [undefined, 'MANIFEST_INVALID', 'CONVERSION_IMPOSSIBLE']

function codeOf(attempt: () => unknown): string | undefined {
  const made = outcome(attempt)
  return 'code' in made ? made.code : undefined
}

test('a config is made of a history, or that is refused with a code', () => {
  const texts = jsonLike([step, old])
  fc.assert(
    fc.property(texts, texts, (first, second) => {
      const layers: readonly Schema1Layer[] = [first, second].map((v1Compatibility) => ({
        digest,
        isThrowaway: false,
        v1Compatibility,
      }))
      const code = codeOf(() => JSON.parse(Buffer.from(configFromHistory(layers, [digest])).toString()))
      expect(fine).toContain(code)
    }),
  )
})

test('a history is made of a config, or that is refused with a code', () => {
  fc.assert(
    fc.property(jsonLike([config]), (text) => {
      const code = codeOf(() => {
        const { layers } = historyFromConfig(Buffer.from(text), [digest, digest])
        for (const { v1Compatibility } of layers) JSON.parse(v1Compatibility)
      })
      expect(fine).toContain(code)
    }),
  )
})

test('members are those of the object', () => {
  fc.assert(
    fc.property(jsonLike([old, config]), (text) => {
      const encoded = outcome(() => encodeMembers(parseMembers(text, 'it')))
      if ('code' in encoded) expect(encoded.code).toBe('MANIFEST_INVALID')
      else expect(JSON.parse(encoded.value)).toEqual(JSON.parse(text))
    }),
  )
})
