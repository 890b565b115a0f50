import { mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { collect } from '@transload/contract'
import { extract } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { TarFileWriter } from './tar-file-writer.ts'
import { TarStreamWriter } from './tar-stream-writer.ts'
import type { TarWriter } from './tar-writer.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

/** What another implementation finds in the archive that `fill` wrote, in order. */
async function written(kind: 'file' | 'stream', fill: (tar: TarWriter) => Promise<void>): Promise<string[]> {
  const path = join(root, 'test.tar')
  const options = { tempDirectory: root, mode: 0o444 }
  if (kind === 'file') {
    await using handle = await open(path, 'wx+')
    await fill(new TarFileWriter(handle, options))
  } else {
    const chunks: Uint8Array[] = []
    await fill(new TarStreamWriter(async (chunk) => void chunks.push(Buffer.from(chunk)), options))
    await writeFile(path, chunks)
  }
  expect(await readdir(root)).toEqual(['test.tar'])
  const found: string[] = []
  for await (const entry of Readable.from([await readFile(path)]).pipe(extract())) {
    const { name, type, mode, linkname } = entry.header
    const content = Buffer.from(await collect(entry as AsyncIterable<Uint8Array>)).toString()
    found.push(`${type} ${name} ${mode?.toString(8)} ${linkname ?? content}`)
  }
  return found
}

async function* body(...pieces: (string | Error | Promise<unknown>)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Error) throw piece
    if (typeof piece === 'string') yield Buffer.from(piece)
    else await piece
  }
}

describe.each(['file', 'stream'] as const)('a tar written to a %s', (kind) => {
  it('holds files, links and long names', async () => {
    const long = `blobs/sha512/${'f'.repeat(128)}`
    const found = await written(kind, async (tar) => {
      await tar.addFile({ name: 'known', size: 5, body: body('kn', 'own') })
      await tar.addFile({ name: 'unknown', body: body('un', 'known') })
      await tar.addFile({ name: () => 'late', body: body('late') })
      await tar.addFile({ name: 'empty', size: 0, body: body() })
      await tar.addFile({ name: long, size: 1, body: body('x') })
      await tar.addSymlink('id/layer.tar', '../known')
      await tar.addSymlink('id/long.tar', `../${long}`)
      await tar.addBytes('manifest.json', Buffer.from('[]'))
      await tar.finish()
    })
    expect(found).toEqual([
      'file known 444 known',
      'file unknown 444 unknown',
      'file late 444 late',
      'file empty 444 ',
      `file ${long} 444 x`,
      'symlink id/layer.tar 0 ../known',
      `symlink id/long.tar 0 ../${long}`,
      'file manifest.json 444 []',
    ])
  })

  it('keeps the first of several files of one name', async () => {
    const found = await written(kind, async (tar) => {
      await tar.addFile({ name: () => 'a', body: body('1') })
      await tar.addFile({ name: 'a', size: 1, body: body('2') })
      await tar.addFile({ name: () => 'a', body: body('3') })
      await tar.addFile({ name: () => undefined, body: body('4') })
      await tar.finish()
    })
    expect(found).toEqual(['file a 444 1'])
  })

  it('takes files that come at the same time', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `file-${n}`)
    const found = await written(kind, async (tar) => {
      await Promise.all(
        names.map((name, n) => {
          const pieces = Array.from({ length: 30 }, (_, piece) => `${name} ${piece}\n`.repeat(n + 1))
          const size = n % 3 === 0 ? undefined : Buffer.byteLength(pieces.join(''))
          return tar.addFile({ name: n % 2 === 0 ? name : () => name, size, body: body(...pieces) })
        }),
      )
      await tar.finish()
    })
    const expected = names.map((name, n) => {
      const content = Array.from({ length: 30 }, (_, piece) => `${name} ${piece}\n`.repeat(n + 1)).join('')
      return `file ${name} 444 ${content}`
    })
    expect(found.sort()).toEqual(expected.sort())
  })
})

describe('TarFileWriter', () => {
  it('closes up the places of files that failed', async () => {
    const failure = new Error('wrong digest')
    const found = await written('file', async (tar) => {
      const fails = (name: string, size: number | undefined): Promise<void> =>
        expect(tar.addFile({ name, size, body: body('x'.repeat(600), failure) })).rejects.toBe(failure)
      await fails('first', 3000)
      await tar.addFile({ name: 'a', size: 3_000_000, body: body('a'.repeat(3_000_000)) })
      await fails('grows', undefined)
      await fails('middle', 700)
      await tar.addFile({ name: 'b', body: body('bb') })
      await fails('last', 5000)
      await tar.finish()
    })
    expect(found).toEqual([`file a 444 ${'a'.repeat(3_000_000)}`, 'file b 444 bb'])
  })

  it.each([
    ['longer', 'four'],
    ['shorter', 'xx'],
  ])('refuses a body that is %s than announced', async (_, content) => {
    const found = await written('file', async (tar) => {
      const blocker = Promise.withResolvers<void>()
      await expect(tar.addFile({ name: 'a', size: 3, body: body(content) })).rejects.toMatchObject({
        code: 'SIZE_MISMATCH',
      })
      const growing = tar.addFile({ name: 'g', body: body('g', blocker.promise) })
      await expect(tar.addFile({ name: 'b', size: 3, body: body(content) })).rejects.toMatchObject({
        code: 'SIZE_MISMATCH',
      })
      blocker.resolve()
      await growing
      await tar.finish()
    })
    expect(found).toEqual(['file g 444 g'])
  })

  it('rejects with the reason of an abort that came with the last byte', async () => {
    const controller = new AbortController()
    async function* aborting(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x')
      controller.abort(new Error('enough'))
    }
    const found = await written('file', async (tar) => {
      await expect(tar.addFile({ name: 'a', size: 1, body: aborting() }, controller)).rejects.toThrow('enough')
      await tar.finish()
    })
    expect(found).toEqual([])
  })
})

describe('TarStreamWriter', () => {
  it('is broken off by a body that fails half-way, and not by one that was put aside first', async () => {
    const failure = new Error('wrong digest')
    const chunks: Uint8Array[] = []
    const tar = new TarStreamWriter(async (chunk) => void chunks.push(chunk), { tempDirectory: root, mode: 0o444 })
    await expect(tar.addFile({ name: 'a', body: body('x', failure) })).rejects.toBe(failure)
    await expect(tar.addFile({ name: 'b', size: 2, body: body(failure) })).rejects.toBe(failure)
    expect(chunks).toEqual([])
    await expect(tar.addFile({ name: 'c', size: 2, body: body('x', failure) })).rejects.toBe(failure)
    await expect(tar.finish()).rejects.toMatchObject({ code: 'IO', message: expect.stringContaining('broken off') })
  })
})
