import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { collect } from '@transload/contract'
import { pack, type Header } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { encodeTarHeader } from './tar-header.ts'
import { TarTree } from './tar-tree.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

/** Packed by another implementation; a string is a file's content. */
async function packed(
  ...entries: (readonly [(Partial<Header> & { name: string }) | string, string?])[]
): Promise<Buffer> {
  const tar = pack()
  for (const [header, content] of entries)
    tar.entry(typeof header === 'string' ? { name: header } : header, content ?? '')
  tar.finalize()
  return Buffer.from(await collect(tar as AsyncIterable<Uint8Array>))
}

async function openTar(bytes: Uint8Array, maxUnpackedBytes?: number): Promise<TarTree> {
  const path = join(root, 'test.tar')
  await writeFile(path, bytes)
  return await TarTree.open(path, { tempDirectory: root, maxUnpackedBytes })
}

async function textOf(tree: TarTree, path: string): Promise<string> {
  return Buffer.from(await collect(tree.read(path))).toString()
}

/** A block with a type flag of its own, which our encoder does not write. */
function headerOf(name: string, typeFlag: string, size: number, change?: (block: Buffer) => void): Buffer {
  const block = encodeTarHeader({ name, size, mode: 0o644, modifiedSeconds: 0 })
  block.write(typeFlag, 156)
  change?.(block)
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function blockOf(text: string): Buffer {
  return Buffer.concat([Buffer.from(text)], Math.ceil(Buffer.byteLength(text) / 512) * 512)
}

describe('TarTree', () => {
  it('reads files, parts of them, sizes and directories', async () => {
    await using tree = await openTar(await packed(['./a', 'first'], ['/b//c', 'second'], ['b/d/e', ''], ['a', 'last']))
    expect(await textOf(tree, 'a')).toBe('last')
    expect(await textOf(tree, 'b/c')).toBe('second')
    expect(Buffer.from(await collect(tree.read('b/c', { start: 2, end: 4 }))).toString()).toBe('co')
    expect(await tree.fileSize('b/c')).toBe(6)
    expect(await tree.fileSize('b')).toBeUndefined()
    expect(await tree.list('')).toEqual(['a', 'b'])
    expect(await tree.list('b')).toEqual(['c', 'd'])
    expect(await tree.list('x')).toEqual([])
    await expect(textOf(tree, 'x')).rejects.toMatchObject({
      code: 'IO',
      message: `open ${root}/test.tar:x: no such file or directory`,
    })
    await expect(textOf(tree, '../a')).rejects.toMatchObject({ code: 'IO' })
  })

  it('reads names of any length, as PAX and as GNU tar write them', async () => {
    const long = `${'d/'.repeat(90)}ä`
    const gnu = Buffer.concat([
      headerOf('././@LongLink', 'L', long.length + 2),
      blockOf(`${long}\0`),
      headerOf(long.slice(0, 99), '0', 7),
      blockOf('content'),
      Buffer.alloc(1024),
    ])
    for (const bytes of [await packed([long, 'content']), gnu]) {
      await using tree = await openTar(bytes)
      expect(await textOf(tree, long)).toBe('content')
    }
  })

  it('follows one hop of symbolic and hard links', async () => {
    const bytes = await packed(
      ['x.tar', 'layer'],
      [{ name: 'id/layer.tar', type: 'symlink', linkname: '../x.tar' }],
      [{ name: 'abs', type: 'symlink', linkname: '/x.tar' }],
      [{ name: 'hard', type: 'link', linkname: './x.tar' }],
      [{ name: 'twice', type: 'symlink', linkname: 'hard' }],
      [{ name: 'out', type: 'symlink', linkname: '../../x.tar' }],
      [{ name: 'nowhere', type: 'symlink', linkname: 'y' }],
    )
    await using tree = await openTar(bytes)
    for (const name of ['id/layer.tar', 'abs', 'hard']) {
      expect(await textOf(tree, name)).toBe('layer')
      expect(await tree.fileSize(name)).toBe(5)
    }
    for (const name of ['twice', 'out', 'nowhere']) expect(await tree.fileSize(name)).toBeUndefined()
  })

  it('leaves out what would leave the root', async () => {
    await using tree = await openTar(await packed(['../evil', 'x'], ['a/../../evil', 'x'], ['good', 'x']))
    expect(await tree.list('')).toEqual(['good'])
  })

  it('says that a file is sparse, and finds what comes after it', async () => {
    const header = headerOf('holes', 'S', 3, (block) => block.writeUInt8(1, 482))
    const maps = [Buffer.alloc(512), Buffer.alloc(512)]
    maps[0]!.writeUInt8(1, 504)
    const after = [headerOf('after', '0', 5), blockOf('after'), Buffer.alloc(1024)]
    await using tree = await openTar(Buffer.concat([header, ...maps, blockOf('abc'), ...after]))
    await expect(textOf(tree, 'holes')).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('sparse'),
    })
    expect(await textOf(tree, 'after')).toBe('after')
  })

  it('unpacks a compressed archive to a temporary file that is gone at once', async () => {
    const tree = await openTar(gzipSync(await packed(['a', 'content'])))
    expect(await textOf(tree, 'a')).toBe('content')
    expect(await readdir(root)).toEqual(['test.tar'])
    await tree[Symbol.asyncDispose]()
    await tree[Symbol.asyncDispose]()
  })

  it('limits what a compressed archive unpacks to', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000))
    await expect(openTar(bomb, 999_999)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
    expect(await readdir(root)).toEqual(['test.tar'])
  })

  it.each([
    ['text', Buffer.from('{"not": "a tar"}'.repeat(100))],
    ['a short file', Buffer.from('short')],
    ['nothing', Buffer.alloc(0)],
    ['data that is cut short', Buffer.concat([headerOf('a', '0', 9000), Buffer.alloc(512)])],
    ['a header that is cut short', Buffer.concat([headerOf('a', '0', 0), Buffer.alloc(100, 1)])],
    ['a negative size', Buffer.concat([headerOf('a', '0', 2 ** 40).fill(0xff, 124, 136), Buffer.alloc(512)])],
  ])('refuses %s', async (_, bytes) => {
    await expect(openTar(bytes)).rejects.toMatchObject({ code: 'IO', message: expect.stringContaining('test.tar') })
  })
})
