/** A package of the workspace, as far as the layers are concerned. */
export interface WorkspacePackage {
  readonly name: string
  /** Relative to the repository, POSIX. */
  readonly folder: string
  /** From its `layer:` tags. */
  readonly layers: readonly string[]
  /** Names of the workspace packages in `dependencies` and its kin. */
  readonly dependencies: readonly string[]
  readonly devDependencies: readonly string[]
  /** Folders that its tsconfig.json refers to; undefined: it has none. */
  readonly references: readonly string[] | undefined
}

/** What each layer may depend on, by layer or by package name. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  support: ['contract'],
  kit: ['contract', 'support'],
  plugin: ['contract', 'support'],
  host: ['contract', 'support'],
  app: ['contract', 'plugin', 'host', '@transload/registry-server'],
  tool: ['contract', 'support', 'kit', 'plugin', 'host', 'app', 'tool'],
}

const allowedAlso: Readonly<Record<string, readonly string[]>> = { '@transload/sync': ['@transload/core'] }

/** For tests only. */
const allowedInDevelopment: Readonly<Record<string, readonly string[]>> = {
  contract: ['tool'],
  support: ['tool'],
  host: ['kit', 'tool'],
  kit: ['tool'],
  plugin: ['kit', 'tool'],
  app: ['kit', 'tool'],
}

/** One line for each dependency that its layer does not allow, and for each list of references that is not the dependencies. */
export function findViolations(packages: readonly WorkspacePackage[]): readonly string[] {
  const byName = new Map(packages.map((one) => [one.name, one]))
  const mayUse = (list: readonly string[], name: string) =>
    list.includes(name) || byName.get(name)!.layers.every((layer) => list.includes(layer))
  return packages.flatMap((one) => {
    const [layer = ''] = one.layers
    if (one.layers.length !== 1 || !allowed[layer])
      return [`${one.name}: needs one tag layer:${Object.keys(allowed).join('|')}`]
    const always = [...allowed[layer], ...(allowedAlso[one.name] ?? [])]
    const inDevelopment = [...always, ...(allowedInDevelopment[layer] ?? [])]
    const forbidden = [
      ...one.dependencies.filter((name) => !mayUse(always, name)),
      ...one.devDependencies.filter((name) => !mayUse(inDevelopment, name)),
    ]
    const expected = [...one.dependencies, ...one.devDependencies].map((name) => byName.get(name)!.folder)
    return [
      ...forbidden.map(
        (name) => `${one.name} (${layer}) must not depend on ${name} (${byName.get(name)!.layers.join()})`,
      ),
      ...(one.references ? referenceViolations(`${one.folder}/tsconfig.json`, one.references, expected) : []),
    ]
  })
}

/** One line for each folder that `file` should refer to and does not, or the reverse. */
export function referenceViolations(
  file: string,
  actual: readonly string[],
  expected: readonly string[],
): readonly string[] {
  return [
    ...expected.filter((folder) => !actual.includes(folder)).map((folder) => `${file} lacks the reference ${folder}`),
    ...actual
      .filter((folder) => !expected.includes(folder))
      .map((folder) => `${file} refers to ${folder}, which is no dependency`),
  ]
}
