import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

import type { WorkspacePackage } from './violations.ts'

type Dependencies = Readonly<Record<string, string>>

interface PackageManifest {
  readonly name: string
  readonly nx?: { readonly tags?: readonly string[] }
  readonly dependencies?: Dependencies
  readonly peerDependencies?: Dependencies
  readonly optionalDependencies?: Dependencies
  readonly devDependencies?: Dependencies
}

/** The packages of the repository at `root`. */
export function readWorkspace(root: string): readonly WorkspacePackage[] {
  const files = globSync('{packages,apps,tools}/*/package.json', { cwd: root })
  const manifests = files.map((file) => ({
    folder: dirname(file),
    manifest: readJson(join(root, file)) as PackageManifest,
  }))
  const names = new Set(manifests.map(({ manifest }) => manifest.name))
  const ours = (...lists: readonly (Dependencies | undefined)[]) =>
    lists.flatMap((list) => Object.keys(list ?? {})).filter((name) => names.has(name))
  return manifests.map(({ folder, manifest }) => ({
    name: manifest.name,
    folder,
    layers: (manifest.nx?.tags ?? []).flatMap((tag) => (tag.startsWith('layer:') ? [tag.slice('layer:'.length)] : [])),
    dependencies: ours(manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies),
    devDependencies: ours(manifest.devDependencies),
    references: existsSync(join(root, folder, 'tsconfig.json')) ? readReferences(root, folder) : undefined,
  }))
}

/** The folders that the tsconfig.json in `folder` refers to, relative to `root`. */
export function readReferences(root: string, folder: string): readonly string[] {
  const { references = [] } = readJson(join(root, folder, 'tsconfig.json')) as {
    readonly references?: readonly { readonly path: string }[]
  }
  return references.map(({ path }) => posix.join(folder, path))
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
