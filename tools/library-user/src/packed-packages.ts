import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { collect } from '@transload/contract'
import { TarTree } from '@transload/formats'
import { textOf } from '@transload/peers'

/** A package as a registry of packages has it. */
export interface PackedPackage {
  readonly name: string
  /** Absolute path. */
  readonly tarball: string
  /** Paths in the package, POSIX. */
  readonly files: readonly string[]
  readonly manifest: PublishedManifest
}

export interface PublishedManifest {
  readonly name: string
  readonly version: string
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const repository = join(import.meta.dirname, '../../..')

/** Packs every package that this repository publishes, as it is built now, into `directory`. */
export async function packPackages(directory: string): Promise<readonly PackedPackage[]> {
  await mkdir(directory, { recursive: true })
  const published = ['./packages/*', './apps/transload', './tools/nx-plugin'].map((path) => `--filter=${path}`)
  const words = ['--recursive', ...published, 'pack', '--json', `--pack-destination=${directory}`]
  return await readPacked(await textOf('pnpm', words, { cwd: repository }), '')
}

/** Packs packages that are installed in `folders`, as they are there. */
export async function packInstalled(folders: readonly string[], directory: string): Promise<readonly PackedPackage[]> {
  const words = ['pack', '--json', '--ignore-scripts', `--pack-destination=${directory}`, ...folders]
  return await readPacked(await textOf('npm', words), directory)
}

/** The text of one of the package's files. */
export async function readPackedFile(tarball: string, file: string): Promise<string> {
  await using tree = await TarTree.open(tarball, { tempDirectory: tmpdir() })
  return Buffer.from(await collect(tree.read(`package/${file}`))).toString()
}

/** From what `pack --json` printed; its file names are relative to `directory`. */
async function readPacked(printed: string, directory: string): Promise<readonly PackedPackage[]> {
  const packed = JSON.parse(printed) as readonly {
    readonly name: string
    readonly filename: string
    readonly files: readonly { readonly path: string }[]
  }[]
  return await Promise.all(
    packed.map(async ({ name, filename, files }) => {
      const tarball = join(directory, filename)
      const manifest = JSON.parse(await readPackedFile(tarball, 'package.json')) as PublishedManifest
      return { name, tarball, files: files.map(({ path }) => path), manifest }
    }),
  )
}
