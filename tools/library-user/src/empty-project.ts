import { readFile, realpath, writeFile } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'

import { textOf } from '@transload/peers'

import { startPackageRegistry } from './package-registry.ts'
import { packInstalled, packPackages, type PublishedManifest } from './packed-packages.ts'

/**
 * Makes `directory` a project that installs the packages named and Node's types with npm, as they would be published.
 * What they need of others comes from this repository's `node_modules`: no network.
 */
export async function createProject(directory: string, names: readonly string[]): Promise<void> {
  const tarballs = join(directory, '.tarballs')
  const ours = await packPackages(tarballs)
  const wanted = [...names, '@types/node']
  const folders = await readInstalledFolders(wanted, import.meta.filename)
  const foreign = [...folders].filter(([name]) => !ours.some((one) => one.name === name))
  const packed = await packInstalled(
    foreign.map(([, folder]) => folder),
    tarballs,
  )
  await using registry = await startPackageRegistry([...ours, ...packed])
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const flags = [`--registry=${registry.url}`, `--@transload:registry=${registry.url}`, `--cache=${directory}/.npm`]
  await textOf('npm', ['install', ...flags, '--no-audit', '--no-fund', ...wanted], { cwd: directory })
}

/** Where the packages, and all that they depend on, are installed; by name. */
async function readInstalledFolders(
  names: readonly string[],
  importer: string,
  found: Map<string, string> = new Map(),
): Promise<ReadonlyMap<string, string>> {
  for (const name of names.filter((wanted) => !found.has(wanted))) {
    const file = findPackageJSON(name, importer)
    if (file === undefined) throw new Error(`${importer} has no ${name}`)
    found.set(name, await realpath(dirname(file)))
    const { dependencies = {} } = JSON.parse(await readFile(file, 'utf8')) as PublishedManifest
    await readInstalledFolders(Object.keys(dependencies), await realpath(file), found)
  }
  return found
}
