import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openArchiveTarget, type ArchiveTarget } from './archive-target.ts'

let root: string
let path: string
beforeEach(async () => {
  root = await mkdtemp('/tmp/transport-archive-test-')
  path = join(root, 'out.tar')
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

const options = { tempDirectory: '/tmp', entryMode: 0o444 }

async function writeArchive(target: ArchiveTarget): Promise<void> {
  await target.tar.addBytes('name', Buffer.from('content'))
  await target.tar.finish()
  await target.publish()
}

describe('openArchiveTarget', () => {
  it('gives the file its name only when it is published', async () => {
    await using target = await openArchiveTarget(path, options)
    await target.tar.addBytes('name', Buffer.from('content'))
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    await target.tar.finish()
    await target.publish()
    expect(await readdir(root)).toEqual(['out.tar'])
    expect((await stat(path)).size).toBe(2048)
  })

  it('leaves nothing, and what was there, when it is not', async () => {
    await writeFile(path, 'former')
    const target = await openArchiveTarget(path, options)
    await target.tar.addBytes('name', Buffer.from('content'))
    await target[Symbol.asyncDispose]()
    await target[Symbol.asyncDispose]()
    expect(await readdir(root)).toEqual(['out.tar'])
    expect(await readFile(path, 'utf8')).toBe('former')
  })

  it('keeps the permissions of the file it replaces, and follows a link to it', async () => {
    await writeFile(join(root, 'real.tar'), 'former')
    await chmod(join(root, 'real.tar'), 0o600)
    await symlink('real.tar', path)
    await using target = await openArchiveTarget(path, options)
    await writeArchive(target)
    expect((await readdir(root)).sort()).toEqual(['out.tar', 'real.tar'])
    const { mode, size } = await stat(join(root, 'real.tar'))
    expect([mode & 0o777, size]).toEqual([0o600, 2048])
  })

  it('refuses, if told so, a file that is not empty, also one that came in the meantime', async () => {
    const refusing = { ...options, refusal: 'no' }
    await writeFile(path, '')
    await using target = await openArchiveTarget(path, refusing)
    await writeFile(path, 'quick')
    const refused = { code: 'DESTINATION_EXISTS', message: 'no' }
    await expect(writeArchive(target)).rejects.toMatchObject(refused)
    await expect(openArchiveTarget(path, refusing)).rejects.toMatchObject(refused)
    expect(await readFile(path, 'utf8')).toBe('quick')
  })

  it('says where no file can be made', async () => {
    const missing = join(root, 'missing/out.tar')
    await expect(openArchiveTarget(missing, options)).rejects.toMatchObject({
      code: 'IO',
      message: `open ${missing}: no such file or directory`,
    })
    await expect(openArchiveTarget(root, options)).rejects.toMatchObject({ code: 'IO' })
  })

  it('writes a pipe as it goes', async () => {
    execFileSync('mkfifo', [path])
    const reading = readFile(path)
    await using target = await openArchiveTarget(path, { ...options, refusal: 'no' })
    expect(target.isPipe).toBe(true)
    await writeArchive(target)
    expect(await reading).toHaveLength(2048)
    expect(await readdir(root)).toEqual(['out.tar'])
  })
})
