import { createHash } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'

import { collect, decodeZstd } from '@transload/contract'
import { pack, type Header } from 'tar-stream'
import { describe, expect, it } from 'vitest'

import { createZstdChunkedEncoder, zstdChunkedAnnotations } from './zstd-chunked.ts'

const noise = Buffer.concat(Array.from({ length: 20_000 }, (_, n) => createHash('sha256').update(`${n}`).digest()))
const sparse = Buffer.concat([
  noise.subarray(0, 70_000),
  Buffer.alloc(300_000),
  noise.subarray(0, 5),
  Buffer.alloc(900),
])
const mtime = new Date('2024-05-06T07:08:09Z')

const files: readonly (readonly [Partial<Header> & { readonly name: string }, Buffer?])[] = [
  [{ name: 'etc/', type: 'directory', mode: 0o755, mtime }],
  [{ name: 'etc/small', mode: 0o644, uid: 1000, gid: 50, mtime }, Buffer.from('small\n')],
  [{ name: 'etc/empty', mtime }, Buffer.alloc(0)],
  [{ name: 'noise', mtime }, noise],
  [{ name: 'holes', mtime }, sparse],
  [{ name: 'zeros', mtime }, Buffer.alloc(2_500_000)],
  [{ name: `${'long/'.repeat(30)}ä`, mtime }, Buffer.from('long')],
  [{ name: 'sym', type: 'symlink', linkname: 'etc/small', mtime }],
  [{ name: 'hard', type: 'link', linkname: 'noise', mtime }],
  [{ name: 'null', type: 'character-device', devmajor: 1, devminor: 3, mtime }],
  [
    {
      name: 'attr',
      mtime,
      pax: { 'SCHILY.xattr.user.b': 'two', 'SCHILY.xattr.user.a': 'one', mtime: '1700000000.25' },
    },
  ],
]

async function tarOf(entries: typeof files): Promise<Buffer> {
  const tar = pack()
  for (const [header, content] of entries) tar.entry(header, content ?? Buffer.alloc(0))
  tar.finalize()
  return Buffer.from(await collect(tar as AsyncIterable<Uint8Array>))
}

async function* inChunksOf(size: number, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size)
}

interface Entry {
  readonly type: string
  readonly name: string
  readonly size?: number
  readonly digest?: string
  readonly offset?: number
  readonly endOffset?: number
  readonly chunkOffset?: number
  readonly chunkSize?: number
  readonly chunkDigest?: string
  readonly chunkType?: string
}

async function encode(tar: Uint8Array, chunkBytes = 1 << 16) {
  const encoder = createZstdChunkedEncoder(3)
  const layer = Buffer.from(await collect(encoder.stage(inChunksOf(chunkBytes, tar))))
  const annotations = encoder.annotations()
  const [start, length, plainLength] = annotations[zstdChunkedAnnotations.tocPosition]!.split(':').map(Number)
  const compressed = layer.subarray(start, start! + length!)
  const toc = Buffer.from(await collect(decodeZstd(inChunksOf(1 << 16, compressed))))
  const [from, recipeLength] = annotations[zstdChunkedAnnotations.tarSplitPosition]!.split(':').map(Number)
  const recipe = layer.subarray(from, from! + recipeLength!)
  expect(toc).toHaveLength(plainLength!)
  expect(annotations[zstdChunkedAnnotations.tocDigest]).toBe(sha256(compressed))
  const json = JSON.parse(toc.toString()) as { version: number; entries: Entry[]; tarSplitDigest: string }
  expect(json).toMatchObject({ version: 1, tarSplitDigest: sha256(recipe) })
  return { layer, entries: json.entries, recipe: zstdDecompressSync(recipe).toString(), annotations }
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

describe('a zstd:chunked layer', () => {
  it('is plain zstd of the tar to who does not know better', async () => {
    const tar = await tarOf(files)
    const { layer } = await encode(tar)
    expect(Buffer.from(await collect(decodeZstd(inChunksOf(1000, layer)))).equals(tar)).toBe(true)
  })

  it('depends on the tar alone, not on how that comes', async () => {
    const tar = await tarOf(files)
    const [whole, cut] = [await encode(tar, tar.length), await encode(tar, 777)]
    expect(whole.layer.equals(cut.layer)).toBe(true)
    expect(whole.annotations).toEqual(cut.annotations)
  })

  it('says of every file where its bytes are', async () => {
    const { layer, entries } = await encode(await tarOf(files))
    for (const [{ name }, content] of files) {
      if (!content?.length) continue
      const parts = entries.filter((entry) => entry.name === name)
      const [{ digest, endOffset, size } = { digest: undefined, endOffset: undefined, size: undefined }] = parts
      expect([digest, size]).toEqual([sha256(content), content.length])
      const frames = layer.subarray(parts[0]!.offset, endOffset)
      expect(Buffer.from(await collect(decodeZstd(inChunksOf(4096, frames)))).equals(content)).toBe(true)
      for (const [index, part] of parts.entries()) {
        if (parts.length === 1) break
        const bytes = content.subarray(part.chunkOffset ?? 0, (part.chunkOffset ?? 0) + part.chunkSize!)
        const frame = layer.subarray(part.offset, parts[index + 1]?.offset ?? endOffset)
        expect(Buffer.from(await collect(decodeZstd(inChunksOf(4096, frame)))).equals(bytes)).toBe(true)
        expect(part.chunkDigest).toBe(sha256(bytes))
        expect(part.chunkType === 'zeros').toBe(bytes.every((byte) => byte === 0))
      }
    }
    const zeros = entries.filter(({ name, chunkType }) => name === 'holes' && chunkType === 'zeros')
    expect(zeros.map(({ chunkSize }) => chunkSize)).toEqual([300_000])
  })

  it('has what the headers say in its table of contents', async () => {
    const { entries } = await encode(await tarOf(files))
    const modtime = '2024-05-06T07:08:09Z'
    expect(entries.find(({ name }) => name === 'etc/')).toEqual({ type: 'dir', name: 'etc/', mode: 0o755, modtime })
    expect(entries.find(({ name }) => name === 'etc/small')).toMatchObject({ mode: 0o644, uid: 1000, gid: 50, size: 6 })
    const empty = { type: 'reg', name: 'etc/empty', mode: 0o644, modtime }
    expect(entries.find(({ name }) => name === 'etc/empty')).toEqual(empty)
    expect(entries.find(({ name }) => name === 'sym')).toMatchObject({ type: 'symlink', linkName: 'etc/small' })
    expect(entries.find(({ name }) => name === 'hard')).toMatchObject({ type: 'hardlink', linkName: 'noise' })
    expect(entries.find(({ name }) => name === 'null')).toMatchObject({ type: 'char', devMajor: 1, devMinor: 3 })
    expect(entries.find(({ name }) => name === 'attr')).toMatchObject({
      modtime: '2023-11-14T22:13:20.25Z',
      xattrs: { 'user.a': Buffer.from('one').toString('base64'), 'user.b': Buffer.from('two').toString('base64') },
    })
  })

  it('holds a recipe of the tar', async () => {
    const tar = Buffer.concat([await tarOf(files), Buffer.from('garbage at the end')])
    const { recipe } = await encode(tar)
    const lines = recipe.trimEnd().split('\n')
    const parts = lines.map((line, position) => {
      const entry = JSON.parse(line) as {
        type: number
        name?: string
        size?: number
        payload: string
        position: number
      }
      expect(entry.position).toBe(position)
      if (entry.type === 2) return Buffer.from(entry.payload, 'base64')
      return entry.size ? files.find(([{ name }]) => name === entry.name)![1]! : Buffer.alloc(0)
    })
    expect(Buffer.concat(parts).equals(tar)).toBe(true)
  })

  it('finds the same chunks again after bytes were put in before them', async () => {
    const [before, after] = await Promise.all(
      [noise, Buffer.concat([noise.subarray(0, 1000), Buffer.from('new'), noise.subarray(1000)])].map(async (content) =>
        (await encode(await tarOf([[{ name: 'f', mtime }, content]]))).entries.map(({ chunkDigest }) => chunkDigest),
      ),
    )
    expect(after!.slice(1)).toEqual(before!.slice(1))
    expect(after![0]).not.toBe(before![0])
  })

  it.each<[string, typeof files, RegExp]>([
    ['two entries of one path', [[{ name: 'a' }], [{ name: './a' }]], /^duplicates of file paths not supported: "a"$/],
    ['a type it does not know', [[{ name: 'a', type: 'contiguous-file' }]], /can not hold entry of type "7" "a"$/],
  ])('cannot be made of a tar with %s', async (_, entries, message) => {
    await expect(encode(await tarOf(entries))).rejects.toMatchObject({
      code: 'CONVERSION_IMPOSSIBLE',
      message: expect.stringMatching(message),
    })
  })

  it.each([
    ['no tar', Buffer.alloc(2000, 'x')],
    ['half a tar', Buffer.alloc(100, 'x')],
  ])('cannot be made of %s', async (_, bytes) => {
    await expect(encode(bytes)).rejects.toMatchObject({ code: 'IO' })
  })
})
