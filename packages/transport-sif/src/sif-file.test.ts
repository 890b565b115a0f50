import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { buildSif, sifId, sifModifiedSeconds, type SifObject } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { readSifFile } from './sif-file.ts'

const squashfs: SifObject = { type: 'squashfs', bytes: Buffer.from('hsqs…') }
const definition: SifObject = { type: 'definition', bytes: Buffer.from('%runscript\necho\n') }

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'transload-sif-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function written(bytes: Uint8Array): Promise<string> {
  const path = join(directory, 'a.sif')
  await writeFile(path, bytes)
  return path
}

it('reads what describes an image', async () => {
  const path = await written(buildSif([definition, squashfs]))
  expect(await readSifFile(path)).toEqual({
    path,
    id: sifId,
    architecture: 'amd64',
    modifiedSeconds: sifModifiedSeconds,
    root: { offset: 32_768 + 4096, size: squashfs.bytes.length },
    definition: '%runscript\necho\n',
  })
})

it.each([
  ['no definition', [squashfs]],
  ['two definitions', [definition, squashfs, definition]],
])('has no definition: %s', async (_, objects) => {
  expect(await readSifFile(await written(buildSif(objects)))).toMatchObject({ definition: undefined })
})

function changed(change: (sif: Buffer) => void): Buffer {
  const sif = buildSif([definition, squashfs])
  change(sif)
  return sif
}

it.each([
  ['nothing', Buffer.alloc(0), 'invalid SIF magic'],
  ['something else', Buffer.alloc(200), 'invalid SIF magic'],
  ['another version', changed((sif) => sif.write('02', 42)), 'incompatible SIF version'],
  ['a cut table', buildSif([squashfs]).subarray(0, 4200), 'reading descriptors: unexpected EOF'],
  ['a billion descriptors', changed((sif) => sif.writeBigInt64LE(1_000_000_000n, 88)), 'implausible number'],
  ['a table nowhere', changed((sif) => sif.writeBigInt64LE(-1n, 96)), 'an object lies outside of the file'],
  ['a definition nowhere', changed((sif) => sif.writeBigInt64LE(1n << 40n, 4096 + 17)), 'unexpected EOF'],
  ['a large definition', changed((sif) => sif.writeBigInt64LE(1n << 40n, 4096 + 25)), 'is larger than 1 MiB'],
  ['no partition', buildSif([definition]), 'object not found'],
  ['two partitions', buildSif([squashfs, squashfs]), 'multiple objects found'],
  ['another filesystem', buildSif([{ ...squashfs, type: 'ext3' }]), 'not a plain squashfs'],
])('refuses %s', async (_, bytes, problem) => {
  await expect(readSifFile(await written(bytes))).rejects.toMatchObject({
    code: 'MANIFEST_INVALID',
    message: expect.stringMatching(new RegExp(`^loading SIF file: .*${problem}`)),
  })
})

it('refuses what is not there', async () => {
  await expect(readSifFile(join(directory, 'absent'))).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
})

it('refuses a root filesystem that no file is long enough for', async () => {
  const bytes = buildSif([definition, squashfs])
  const secondDescriptor = 4096 + 585
  bytes[secondDescriptor + 23] = 32
  await expect(readSifFile(await written(bytes))).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
})
