import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'

import { digestOf, mediaTypes } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { DirectoryTree } from './directory-tree.ts'
import { refNameOf, withManifest } from './oci-index.ts'
import { OciLayout } from './oci-layout.ts'
import { isTemporaryName } from './temporary-name.ts'

let root: string
let layout: OciLayout
beforeEach(async () => {
  root = await mkdtemp('/tmp/formats-test-')
  layout = new OciLayout(new DirectoryTree(root))
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

const content = Buffer.from('{}')
const digest = digestOf(content)
const descriptor = { mediaType: mediaTypes.ociManifest, digest, size: content.length }

describe('several processes with one layout', { timeout: 30_000 }, () => {
  it('lose no entry of the index', async () => {
    const children = ['a', 'b', 'c'].map((prefix) =>
      runInLayout(`
        for (let number = 0; number < 6; number += 1) {
          await using lock = await layout.lockIndex()
          await lock.write(withManifest(lock.index, ${JSON.stringify(descriptor)}, '${prefix}' + number))
        }`),
    )
    const outcomes = await Promise.all(children.map(async (child) => ({ stderr: await text(child.stderr!), child })))
    expect(outcomes.map(({ stderr }) => stderr)).toEqual(['', '', ''])
    const { manifests } = await layout.readIndex()
    expect(new Set(manifests.map(refNameOf)).size).toBe(18)
    expect(manifests).toHaveLength(18)
  })

  it('are not held up by one that was killed while it held the index', async () => {
    const child = runInLayout(`
      await using lock = await layout.lockIndex()
      console.log('holding')
      await new Promise((resolve) => setInterval(resolve, 1e9))`)
    await once(child.stdout!, 'data')
    const waiting = layout.lockIndex()
    await kill(child)
    await using lock = await waiting
    await lock.write(withManifest(lock.index, descriptor, 'v1'))
    expect((await layout.readIndex()).manifests).toHaveLength(1)
  })

  it('never see the half of a blob whose writer was killed', async () => {
    const child = runInLayout(`
      async function* body() {
        for (let chunk = 0; chunk < 4; chunk += 1) yield Buffer.alloc(1 << 20)
        console.log('half-way')
        await new Promise((resolve) => setInterval(resolve, 1e9))
      }
      await layout.writeBlob(body(), () => '${digest}')`)
    await once(child.stdout!, 'data')
    await kill(child)
    expect(await layout.blobSize(digest)).toBeUndefined()
    expect((await readdir(root)).filter((name) => !isTemporaryName(name))).toEqual([])
    await layout.writeBlob(content, () => digest)
    expect(await layout.blobSize(digest)).toBe(content.length)
  })
})

/** Runs `code`, which finds `layout` and `withManifest`, in a process of its own. */
function runInLayout(code: string): ChildProcess {
  const preamble = `
    import { DirectoryTree } from ${moduleUrl('./directory-tree.ts')}
    import { OciLayout } from ${moduleUrl('./oci-layout.ts')}
    import { withManifest } from ${moduleUrl('./oci-index.ts')}
    const layout = new OciLayout(new DirectoryTree(${JSON.stringify(root)}))
  `
  return spawn(process.execPath, ['--input-type=module', '--eval', preamble + code], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function moduleUrl(name: string): string {
  return JSON.stringify(new URL(name, import.meta.url).href)
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
