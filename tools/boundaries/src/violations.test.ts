import { expect, test } from 'vitest'

import { findViolations, type WorkspacePackage } from './violations.ts'

const contract = workspacePackage('@transload/contract', 'contract')
const formats = workspacePackage('@transload/formats', 'support', { dependencies: ['@transload/contract'] })
const core = workspacePackage('@transload/core', 'host', {
  dependencies: ['@transload/contract', '@transload/formats'],
})
const kit = workspacePackage('@transload/transport-conformance', 'kit', { dependencies: ['@transload/contract'] })
const plugin = workspacePackage('@transload/transport-dir', 'plugin', {
  dependencies: ['@transload/contract'],
  devDependencies: ['@transload/transport-conformance'],
})

test('layers as they should be', () => {
  expect(findViolations([contract, formats, core, kit, plugin])).toEqual([])
})

test.each([
  [
    'a plugin that knows the engine',
    { ...plugin, dependencies: ['@transload/core'] },
    'must not depend on @transload/core (host)',
  ],
  ['a kit needed at run time', { ...plugin, dependencies: ['@transload/transport-conformance'] }, 'must not depend on'],
  ['the contract needing something', { ...contract, dependencies: ['@transload/core'] }, 'must not depend on'],
  [
    'a host beside a host',
    workspacePackage('@transload/config', 'host', { dependencies: ['@transload/core'] }),
    'must not depend on',
  ],
  ['no layer', { ...plugin, layers: [] }, 'needs one tag layer:'],
  [
    'a missing reference',
    { ...plugin, references: ['packages/contract'] },
    'lacks the reference packages/transport-conformance',
  ],
  ['a reference too many', { ...contract, references: ['packages/core'] }, 'refers to packages/core'],
])('%s is reported', (_, planted, message) => {
  const others = [contract, formats, core, kit].filter(({ name }) => name !== planted.name)
  expect(findViolations([planted, ...others])[0]).toContain(message)
})

test('sync alone may build on the engine', () => {
  const sync = workspacePackage('@transload/sync', 'host', { dependencies: ['@transload/core'] })
  expect(findViolations([contract, formats, core, sync])).toEqual([])
})

function workspacePackage(name: string, layer: string, rest: Partial<WorkspacePackage> = {}): WorkspacePackage {
  const folder = `packages/${name.replace('@transload/', '')}`
  return { name, folder, layers: [layer], dependencies: [], devDependencies: [], references: undefined, ...rest }
}
