import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { generateFiles, readJson, updateJson } from '@nx/devkit'
import contract from '@transload/contract/package.json' with { type: 'json' }
import conformance from '@transload/transport-conformance/package.json' with { type: 'json' }

/**
 * Writes a transport package that compiles, lints and keeps to the layers, and whose contract suite fails until the
 * parts marked TODO are written. Returns what is left to do once the files are there.
 * @param {import('@nx/devkit').Tree} tree
 * @param {{ scheme: string, standalone?: boolean, directory?: string }} options
 */
export default function generateTransport(tree, { scheme, standalone = false, directory }) {
  const name = standalone ? `transload-transport-${scheme}` : `@transload/transport-${scheme}`
  const folder = directory ?? (standalone ? name : `packages/transport-${scheme}`)
  if (tree.exists(`${folder}/package.json`)) throw new Error(`${folder} has a package.json already`)
  const camel = scheme.replace(/-(.)/g, (_, letter) => letter.toUpperCase())
  generateFiles(tree, fileURLToPath(new URL('files/package', import.meta.url)), folder, {
    scheme,
    camel,
    pascal: camel.charAt(0).toUpperCase() + camel.slice(1),
    name,
    standalone,
    versions: { contract: `^${contract.version}`, conformance: `^${conformance.version}` },
  })
  if (standalone) return undefined
  addReference(tree, folder)
  // where lines break depends on the length of the scheme
  return () => execFileSync('oxfmt', [folder, 'tsconfig.json'], { cwd: tree.root, stdio: 'inherit' })
}

/** The root's tsconfig.json refers to every package. */
function addReference(tree, folder) {
  const { references = [] } = readJson(tree, 'tsconfig.json')
  if (references.some(({ path }) => path === folder)) return
  updateJson(tree, 'tsconfig.json', (config) => ({ ...config, references: [...references, { path: folder }] }))
}
