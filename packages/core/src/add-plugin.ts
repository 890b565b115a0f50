import { readFile } from 'node:fs/promises'
import { createRequire, findPackageJSON } from 'node:module'
import { pathToFileURL } from 'node:url'

import { contractVersion, parseJsonObject, TransloadError, type Transport } from '@transload/contract'

import { isJsonObject } from './json-object.ts'
import type { LazyTable } from './lazy-table.ts'
import type { PluginRegistry } from './plugin-registry.ts'

export interface AddPluginOptions {
  /** Who asks (`import.meta.url`): the package is looked up as an import from there. */
  readonly from: string | URL
}

/**
 * Adds what a package's `transload` manifest offers (`{ api, transports, signers, verifiers }`, each a map of name to
 * export subpath). Reads the manifest only: a module is imported at the first `get` of something in it.
 * Throws PLUGIN_UNKNOWN, PLUGIN_INCOMPATIBLE, PLUGIN_CONFLICT; a module of the wrong shape throws
 * PLUGIN_INCOMPATIBLE from `get`.
 */
export async function addPlugin(
  registry: PluginRegistry,
  packageName: string,
  options: AddPluginOptions,
): Promise<void> {
  const packagePath = findPackage(packageName, options.from)
  const manifest = readPluginManifest(await readFile(packagePath, 'utf8'), packageName)
  const load = (subpath: string): Promise<Factory> => loadFactory(packagePath, packageName, subpath)

  for (const [scheme, subpath] of entriesOf(manifest, 'transports', packageName)) {
    registry.transports.addLazy(
      scheme,
      async () => checkTransport((await load(subpath))(), scheme, packageName),
      packageName,
    )
  }
  addFactories(registry.signers, entriesOf(manifest, 'signers', packageName), load, packageName)
  addFactories(registry.verifiers, entriesOf(manifest, 'verifiers', packageName), load, packageName)
}

// The shape of what a module exports by default is all that can be checked before it is called.
type Factory = (...parameters: never[]) => unknown

function findPackage(packageName: string, from: string | URL): string {
  let path: string | undefined
  try {
    path = findPackageJSON(packageName, from)
  } catch (cause) {
    throw notInstalled(packageName, cause)
  }
  if (path === undefined) throw notInstalled(packageName)
  return path
}

function notInstalled(packageName: string, cause?: unknown): TransloadError {
  return new TransloadError('PLUGIN_UNKNOWN', `plugin "${packageName}" is not installed`, {
    cause,
    hint: `Install it beside transload: npm install ${packageName}`,
  })
}

function readPluginManifest(text: string, packageName: string): Record<string, unknown> {
  const manifest = parseJsonObject(text, `package.json of ${packageName}`, 'PLUGIN_INCOMPATIBLE')['transload']
  if (!isJsonObject(manifest)) throw incompatible(packageName, 'its package.json has no "transload" member')
  const { api } = manifest
  if (api === contractVersion) return manifest
  const problem = `it was written for version ${JSON.stringify(api)} of the plugin contract, not ${contractVersion}`
  throw incompatible(packageName, problem)
}

function entriesOf(manifest: Record<string, unknown>, member: string, packageName: string): [string, string][] {
  const map = manifest[member] ?? {}
  if (!isJsonObject(map)) throw incompatible(packageName, `"transload.${member}" is not an object`)
  return Object.entries(map).map(([key, subpath]) => {
    if (typeof subpath === 'string' && /^\.(\/|$)/.test(subpath)) return [key, subpath]
    throw incompatible(packageName, `"transload.${member}.${key}" is not an export subpath such as "./${key}"`)
  })
}

async function loadFactory(packagePath: string, packageName: string, subpath: string): Promise<Factory> {
  let module: { readonly default?: unknown }
  try {
    // From inside the package its own name resolves, through `exports`, wherever it is installed.
    const file = createRequire(packagePath).resolve(packageName + subpath.slice(1))
    module = (await import(pathToFileURL(file).href)) as typeof module
  } catch (cause) {
    throw incompatible(packageName, `"${subpath}" cannot be loaded: ${String(cause)}`, cause)
  }
  if (typeof module.default !== 'function') throw incompatible(packageName, `"${subpath}" has no default function`)
  return module.default as Factory
}

function checkTransport(value: unknown, scheme: string, packageName: string): Transport {
  if (!isJsonObject(value) || typeof value['parse'] !== 'function') {
    throw incompatible(packageName, `its transport "${scheme}" has no "parse" method`)
  }
  if (value['scheme'] !== scheme) {
    throw incompatible(packageName, `its transport "${scheme}" calls itself ${JSON.stringify(value['scheme'])}`)
  }
  return value as unknown as Transport
}

function addFactories<T>(
  table: LazyTable<T>,
  entries: readonly [string, string][],
  load: (subpath: string) => Promise<Factory>,
  packageName: string,
): void {
  for (const [key, subpath] of entries) table.addLazy(key, async () => (await load(subpath)) as T, packageName)
}

function incompatible(packageName: string, problem: string, cause?: unknown): TransloadError {
  return new TransloadError('PLUGIN_INCOMPATIBLE', `plugin "${packageName}": ${problem}`, { cause })
}
