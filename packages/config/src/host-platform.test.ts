import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { cpuVariant, readCpuVariant } from './host-platform.ts'

const pi =
  'processor\t: 0\nmodel name\t: ARMv6-compatible processor rev 7 (v6l)\nCPU architecture: 7\nCPU revision\t: 7\n'

describe('cpuVariant', () => {
  it.each([
    ['arm64', 'processor\t: 0\nCPU architecture: 8\nCPU variant\t: 0x0\n', 'v8'],
    ['arm64', 'CPU architecture: AArch64\n', 'v8'],
    ['arm', 'model name\t: ARMv7 Processor rev 4 (v7l)\nCPU architecture: 7\n', 'v7'],
    ['arm', pi, 'v6'],
    ['arm', 'CPU architecture: 6TEJ\n', 'v6'],
    ['arm', 'CPU architecture: 5TE\n', 'v5'],
    ['arm', 'CPU architecture: 4T\n', 'v4'],
    ['arm', 'CPU architecture: 3\n', 'v3'],
    ['arm', 'CPU architecture: 99\n', undefined],
    ['arm64', 'processor : 0\n', undefined],
    ['arm64', '', undefined],
  ] as const)('of %s with %j is %s', (architecture, cpuinfo, variant) => {
    expect(cpuVariant(architecture, cpuinfo)).toBe(variant)
  })
})

describe('readCpuVariant', () => {
  it.each([
    ['amd64', 'linux', undefined],
    ['arm64', 'linux', 'v6'],
    ['arm64', 'darwin', 'v8'],
    ['arm', 'win32', 'v7'],
  ] as const)('of %s on %s is %s', async (architecture, platform, variant) => {
    const root = await mkdtemp(join(tmpdir(), 'transload-cpu-'))
    try {
      await mkdir(join(root, 'proc'))
      await writeFile(join(root, 'proc/cpuinfo'), 'CPU architecture: 6\n')
      expect(await readCpuVariant(architecture, { root, platform })).toBe(variant)
    } finally {
      await rm(root, { recursive: true })
    }
  })

  it('cannot be told without the file', async () => {
    expect(await readCpuVariant('arm', { root: '/nowhere', platform: 'linux' })).toBeUndefined()
  })
})
