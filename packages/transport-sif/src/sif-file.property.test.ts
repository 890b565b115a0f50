import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { fc, laterOutcome, textLike } from '@transload/fuzz'
import { buildSif } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { commandOf, parseDefinition } from './definition-file.ts'
import { readSifFile } from './sif-file.ts'

let path: string
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'transload-sif-')), 'a.sif')
})
afterAll(() => rm(join(path, '..'), { recursive: true, force: true }))

const definition = '%environment\nA=1\n# no\n%runscript\necho\n'
const sif = buildSif([
  { type: 'definition', bytes: Buffer.from(definition) },
  { type: 'squashfs', bytes: Buffer.from('hsqs') },
])
/** Where the header and the two descriptors are. */
const position = fc.oneof(fc.integer({ min: 32, max: 127 }), fc.integer({ min: 4096, max: 4096 + 2 * 585 - 1 }))

test('a file is refused with a code, or has a root filesystem', async () => {
  const change = fc.tuple(position, fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0xff), fc.nat(255)))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.option(fc.nat(sif.length)), async (changes, end) => {
      const bytes = Buffer.from(sif)
      for (const [at, byte] of changes) bytes[at] = byte
      await writeFile(path, bytes.subarray(0, end ?? sif.length))
      const file = await laterOutcome(() => readSifFile(path))
      if ('code' in file) expect(file.code).toBe('MANIFEST_INVALID')
      else expect([file.value.root.offset, file.value.root.size, file.value.modifiedSeconds].every(isCount)).toBe(true)
    }),
  )
})

test('any definition says how a container is run', () => {
  fc.assert(
    fc.property(textLike([definition]), (text) => {
      expect(commandOf(parseDefinition(text)).command).toHaveLength(1)
    }),
  )
})

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
