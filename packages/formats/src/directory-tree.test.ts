import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { collect } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { DirectoryTree } from './directory-tree.ts'

let root: string
let tree: DirectoryTree
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
  tree = new DirectoryTree(join(root, 'tree'))
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

describe('paths', () => {
  it.each(['', '/', '/etc/passwd', '..', 'a/../../b', './a', 'a/', 'a//b', 'a\\b', 'a\0b'])(
    'refuses %j',
    async (path) => {
      await expect(tree.fileSize(path)).rejects.toMatchObject({ code: 'IO' })
      await expect(tree.write(path, Buffer.from('x'))).rejects.toMatchObject({ code: 'IO' })
      expect(() => tree.read(path)).toThrow(expect.objectContaining({ code: 'IO' }))
      expect(await readdir(root)).toEqual([])
    },
  )
})

describe('reading', () => {
  it('finds nothing where there is nothing', async () => {
    expect(await tree.fileSize('a/b')).toBeUndefined()
    expect(await tree.list('')).toEqual([])
    expect(await tree.remove('a')).toBe(false)
    await expect(collect(tree.read('a'))).rejects.toMatchObject({
      code: 'IO',
      message: `open ${root}/tree/a: no such file or directory`,
    })
  })

  it('yields large files in several chunks, each the receiver’s to keep', async () => {
    const content = Buffer.alloc(1_200_000, 'transload ')
    await tree.write('big', content)
    const chunks = await Array.fromAsync(tree.read('big'))
    expect(chunks.map((chunk) => chunk.length)).toEqual([262_144, 262_144, 262_144, 262_144, 151_424])
    expect(Buffer.concat(chunks).equals(content)).toBe(true)
    const part = await collect(tree.read('big', { start: 500_000, end: 600_000 }))
    expect(Buffer.from(part).equals(content.subarray(500_000, 600_000))).toBe(true)
    expect(await collect(tree.read('big', { start: 2_000_000 }))).toHaveLength(0)
  })

  it('refuses what is not a file, without waiting for it', async () => {
    await tree.makeDirectory('directory')
    execFileSync('mkfifo', [tree.hostPath('fifo')])
    expect(await tree.fileSize('directory')).toBeUndefined()
    expect(await tree.fileSize('fifo')).toBeUndefined()
    await expect(collect(tree.read('directory'))).rejects.toThrow('is a directory')
    await expect(collect(tree.read('fifo'))).rejects.toThrow('is not a regular file')
  })
})

describe('writing', () => {
  it('replaces a link rather than what it names', async () => {
    await writeFile(join(root, 'outside'), 'kept')
    await tree.makeDirectory('')
    await symlink('../outside', tree.hostPath('file'))
    await tree.write('file', Buffer.from('new'))
    expect(await readFile(join(root, 'outside'), 'utf8')).toBe('kept')
    expect(await readFile(tree.hostPath('file'), 'utf8')).toBe('new')
  })

  it('writes chunks of any size in order', async () => {
    const sizes = [0, 1, 70_000, 1_048_576, 3, 2_500_000, 0]
    const chunks = sizes.map((size, index) => Buffer.alloc(size, index))
    await tree.write('a/b/c', streamOf(...chunks))
    expect((await readFile(tree.hostPath('a/b/c'))).equals(Buffer.concat(chunks))).toBe(true)
    expect(await readdir(tree.root)).toEqual(['a'])
  })

  it.each(['/proc/transload', '/dev/null'])('fails where there can be no directory: %s', async (path) => {
    await expect(new DirectoryTree(path).write('file', Buffer.from('x'))).rejects.toThrow(path)
  })

  it('leaves nothing of a staged file that is not moved', async () => {
    {
      await using staged = await tree.stage(Buffer.from('content'))
      expect(staged.size).toBe(7)
    }
    expect(await readdir(tree.root)).toEqual([])
  })

  it('fails with the reason of an abort', async () => {
    const reason = new Error('stop')
    const options = { signal: AbortSignal.abort(reason) }
    await expect(tree.write('file', Buffer.from('x'), options)).rejects.toBe(reason)
    expect(await readdir(tree.root)).toEqual([])
  })

  it('takes over a complete file', async () => {
    await writeFile(join(root, 'upload'), 'uploaded')
    await tree.adoptFile(join(root, 'upload'), 'blobs/x')
    expect(await readFile(tree.hostPath('blobs/x'), 'utf8')).toBe('uploaded')
    expect(await readdir(root)).toEqual(['tree'])
  })
})

describe('cloning', () => {
  it('copies a file with the mode of a new one, and reads the body to its end', async () => {
    const source = join(root, 'source')
    await writeFile(source, 'content')
    await tree.write('plain', Buffer.from('x'))
    await chmod(source, 0o400)
    let isDrained = false
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('content')
      isDrained = true
    }
    await tree.write('clone', body(), { file: source })
    expect(isDrained).toBe(true)
    const [clone, plain, original] = await Promise.all(
      [tree.hostPath('clone'), tree.hostPath('plain'), source].map((path) => stat(path)),
    )
    expect(clone!.mode).toBe(plain!.mode)
    expect(clone!.ino).not.toBe(original!.ino)
    expect(await readFile(tree.hostPath('clone'), 'utf8')).toBe('content')
  })

  it('keeps nothing when the body proves the content wrong, or is of another size', async () => {
    const source = join(root, 'source')
    await writeFile(source, 'content')
    await expect(tree.write('clone', failing(Buffer.from('content')), { file: source })).rejects.toThrow(
      'wrong content',
    )
    await expect(tree.write('clone', streamOf(Buffer.from('con')), { file: source })).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    })
    await expect(tree.write('clone', streamOf(Buffer.from('con')), { file: `${source}-gone` })).rejects.toThrow(
      'ENOENT',
    )
    expect(await readdir(tree.root)).toEqual([])
  })
})

describe('removeAbandoned', () => {
  it('removes only what nobody has written to for a day', async () => {
    await using _recent = await tree.stage(Buffer.from('x'))
    const old = ['transload-put-file', 'transload-put-directory', 'other']
    await writeFile(join(tree.root, old[0]!), '')
    await mkdir(join(tree.root, old[1]!))
    await writeFile(join(tree.root, old[2]!), '')
    const longAgo = new Date(Date.now() - 25 * 60 * 60 * 1000)
    for (const name of old) await utimes(join(tree.root, name), longAgo, longAgo)
    await tree.removeAbandoned()
    const left = await tree.list('')
    expect(left).toHaveLength(2)
    expect(left).toContain('other')
  })
})

async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function* failing(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
  throw new Error('wrong content')
}
