import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import type { Transport } from '@transload/contract'
import { memoryTransport } from '@transload/transport-conformance/fixtures'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { addPlugin } from './add-plugin.ts'
import { createLazyTable } from './lazy-table.ts'
import { createPluginRegistry } from './plugin-registry.ts'

describe('a lazy table', () => {
  it('loads once, at the first use', async () => {
    let loads = 0
    const table = createLazyTable<string>('thing')
    table.addLazy('a', async () => `loaded ${++loads}`, 'here')
    expect(loads).toBe(0)
    expect(await Promise.all([table.get('a'), table.get('a')])).toEqual(['loaded 1', 'loaded 1'])
    expect(table.keys()).toEqual(['a'])
  })

  it('loads again after a failure', async () => {
    let loads = 0
    const table = createLazyTable<string>('thing')
    table.addLazy('a', async () => (++loads === 1 ? Promise.reject(new Error('not now')) : 'loaded'), 'here')
    await expect(table.get('a')).rejects.toThrow('not now')
    expect(await table.get('a')).toBe('loaded')
  })

  it('holds functions like anything else', async () => {
    const table = createLazyTable<() => number>('thing')
    table.add('a', () => 1, 'here')
    expect((await table.get('a'))()).toBe(1)
  })

  it('names both origins of a conflict', () => {
    const table = createLazyTable<number>('transport')
    table.add('a', 1, 'one')
    expect(() => table.add('a', 2, 'two')).toThrow(
      expect.objectContaining({ code: 'PLUGIN_CONFLICT', message: 'transport "a" of two is already there from one' }),
    )
  })

  it('does not know everything', async () => {
    const table = createLazyTable<number>('signer')
    table.add('a', 1, 'one')
    await expect(table.get('b')).rejects.toMatchObject({
      code: 'PLUGIN_UNKNOWN',
      message: 'unknown signer "b"',
      hint: 'Known: a.',
    })
  })
})

describe('locate', () => {
  const relative: Transport = {
    scheme: 'relative',
    parse: (text, directory) => ({ scheme: 'relative', text: `${directory}/${text}`, policyScopes: [] }),
  }

  it('finds transport and reference', async () => {
    const registry = createPluginRegistry()
    registry.transports.add('relative', relative, 'test')
    const { transport, reference } = await registry.locate('relative:a:b', { directory: '/base' })
    expect(transport).toBe(relative)
    expect(reference.text).toBe('/base/a:b')
  })

  it.each([
    ['alpine', 'Invalid image name "alpine", expected colon-separated transport:reference'],
    ['nowhere:alpine', 'Invalid image name "nowhere:alpine", unknown transport "nowhere"'],
    ['', 'Invalid image name "", expected colon-separated transport:reference'],
  ])('refuses %j', async (text, message) => {
    const registry = createPluginRegistry()
    registry.transports.add('memory', memoryTransport(), 'test')
    await expect(registry.locate(text)).rejects.toMatchObject({ code: 'REFERENCE_INVALID', message })
  })
})

describe('addPlugin', () => {
  let directory: string
  let from: URL

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'core-plugins-'))
    from = pathToFileURL(join(directory, 'app.js'))
  })

  afterEach(() => rm(directory, { recursive: true }))

  async function install(transload: unknown, files: Readonly<Record<string, string>> = {}): Promise<void> {
    const home = join(directory, 'node_modules', 'a-plugin')
    await mkdir(home, { recursive: true })
    const exports = Object.fromEntries(Object.keys(files).map((file) => [`./${file.replace('.js', '')}`, `./${file}`]))
    const manifest = { name: 'a-plugin', version: '1.0.0', type: 'module', exports, transload }
    await writeFile(join(home, 'package.json'), JSON.stringify(manifest))
    for (const [file, content] of Object.entries(files)) await writeFile(join(home, file), content)
  }

  it('adds what the package offers, loading nothing yet', async () => {
    await install(
      { api: 1, transports: { near: './near', far: './far' }, signers: { wax: './wax' } },
      {
        'near.js': `export default () => ({ scheme: 'near', parse: (text) => ({ scheme: 'near', text, policyScopes: [] }) })`,
        'far.js': `throw new Error('far is broken')`,
        'wax.js': `export default async (options) => options`,
      },
    )
    const registry = createPluginRegistry()
    await addPlugin(registry, 'a-plugin', { from })
    expect(registry.transports.keys()).toEqual(['near', 'far'])
    expect((await registry.locate('near:by')).reference.text).toBe('by')
    expect(await (await registry.signers.get('wax'))('seal')).toBe('seal')
    await expect(registry.transports.get('far')).rejects.toMatchObject({
      code: 'PLUGIN_INCOMPATIBLE',
      message: expect.stringMatching(/^plugin "a-plugin": "\.\/far" cannot be loaded: Error: far is broken$/),
    })
  })

  it.each([
    ['no manifest', undefined, 'its package.json has no "transload" member'],
    ['another contract', { api: 2 }, 'it was written for version 2 of the plugin contract, not 1'],
    ['no version', { transports: {} }, 'it was written for version undefined of the plugin contract, not 1'],
    [
      'a file path',
      { api: 1, transports: { a: 'dist/a.js' } },
      '"transload.transports.a" is not an export subpath such as "./a"',
    ],
    ['a list', { api: 1, transports: ['a'] }, '"transload.transports" is not an object'],
  ])('refuses a package with %s', async (_, transload, problem) => {
    await install(transload)
    await expect(addPlugin(createPluginRegistry(), 'a-plugin', { from })).rejects.toMatchObject({
      code: 'PLUGIN_INCOMPATIBLE',
      message: `plugin "a-plugin": ${problem}`,
    })
  })

  it.each([
    ['export default 1', '"./near" has no default function'],
    ['export default () => ({})', 'its transport "near" has no "parse" method'],
    [`export default () => ({ scheme: 'other', parse() {} })`, 'its transport "near" calls itself "other"'],
  ])('refuses the module %j', async (module, problem) => {
    await install({ api: 1, transports: { near: './near' } }, { 'near.js': module })
    const registry = createPluginRegistry()
    await addPlugin(registry, 'a-plugin', { from })
    await expect(registry.transports.get('near')).rejects.toMatchObject({
      code: 'PLUGIN_INCOMPATIBLE',
      message: `plugin "a-plugin": ${problem}`,
    })
  })

  it('says that a package is not installed', async () => {
    await expect(addPlugin(createPluginRegistry(), 'not-there', { from })).rejects.toMatchObject({
      code: 'PLUGIN_UNKNOWN',
      message: 'plugin "not-there" is not installed',
      hint: 'Install it beside transload: npm install not-there',
    })
  })
})
