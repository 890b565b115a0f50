import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { packPackages, readPackedFile } from './packed-packages.ts'

const directory = await mkdtemp(join(tmpdir(), 'transload-packed-'))
afterAll(() => rm(directory, { recursive: true }))

const packages = await packPackages(directory)

describe.each(packages)('$name', ({ name, tarball, files, manifest }) => {
  const code = files.filter((file) => /\.(?:[cm]?js|d\.ts)$/.test(file))

  it('has its documents and its code', () => {
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
    expect(code).not.toEqual([])
  })

  it('has neither sources, nor tests, nor maps to sources it has not', () => {
    expect(
      files.filter((file) =>
        /(?<!\.d)\.ts$|\.test\.(?:d\.ts|ts|m?js)$|\.map$|\.tsbuildinfo$|\.stamp$|^test\//.test(file),
      ),
    ).toEqual([])
  })

  it('exports files it has', () => {
    const targets = Object.values(manifest.exports ?? {}).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    )
    const named = [...targets, ...Object.values(manifest.bin ?? {})].map((target) => posix.normalize(target))
    expect(named).not.toEqual([])
    expect(named.filter((target) => !files.includes(target))).toEqual([])
  })

  it('imports only files it has, and packages it declares', async () => {
    const declared = [
      name,
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}),
    ]
    const wrong: string[] = []
    for (const file of code) {
      for (const specifier of importsIn(await readPackedFile(tarball, file))) {
        const isThere = specifier.startsWith('.')
          ? hasModule(files, posix.join(posix.dirname(file), specifier))
          : specifier.startsWith('node:') || declared.includes(packageOf(specifier))
        if (!isThere) wrong.push(`${file}: ${specifier}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('depends on versions that a registry knows', () => {
    const versions = Object.values({ ...manifest.dependencies, ...manifest.peerDependencies })
    expect(versions.filter((version) => /^(?:workspace|catalog|file|link):/.test(version))).toEqual([])
  })
})

it('the generator has every template', async () => {
  const templates = await readdir(join(import.meta.dirname, '../../nx-plugin/src/files/package'), { recursive: true })
  const files = templates.filter((name) => name.endsWith('.template')).map((name) => `src/files/package/${name}`)
  expect(files).not.toEqual([])
  expect(packages.find(({ name }) => name === '@transload/nx')?.files).toEqual(expect.arrayContaining(files))
})

function importsIn(text: string): readonly string[] {
  const pattern =
    /^\s*(?:(?:import|export|\})[^'"\n]*\bfrom\s*|import\s*)['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? '')
}

/** Declarations name the source that they describe; TypeScript looks for the declaration beside it. */
function hasModule(files: readonly string[], path: string): boolean {
  return files.includes(path) || files.includes(path.replace(/\.ts$/, '.d.ts'))
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
