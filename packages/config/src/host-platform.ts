import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Locations } from './locations.ts'

/**
 * The variant of this machine's architecture, as the container tools find it (copy-engine.md §3): `v7`. Undefined for
 * architectures but ARM's, and if it cannot be told.
 */
export async function readCpuVariant(
  architecture: string,
  { root, platform }: Pick<Locations, 'root' | 'platform'>,
): Promise<string | undefined> {
  if (architecture !== 'arm' && architecture !== 'arm64') return undefined
  if (platform !== 'linux') return architecture === 'arm64' ? 'v8' : 'v7'
  try {
    return cpuVariant(architecture, await readFile(join(root, 'proc/cpuinfo'), 'utf8'))
  } catch {
    return undefined
  }
}

/** `cpuinfo` is the text of `/proc/cpuinfo`. */
export function cpuVariant(architecture: 'arm' | 'arm64', cpuinfo: string): string | undefined {
  const revision = readField(cpuinfo, 'cpu architecture')?.toLowerCase()
  if (revision === undefined) return undefined
  // Kernels call the CPU of the first Raspberry Pi a 7.
  const model = readField(cpuinfo, 'model name')?.toLowerCase() ?? ''
  if (architecture === 'arm' && revision === '7' && model.startsWith('armv6-compatible')) return 'v6'
  return variants.get(revision)
}

const variants = new Map(
  Object.entries({
    v8: ['8', 'aarch64'],
    v7: ['7', '7m', '?(12)', '?(13)', '?(14)', '?(15)', '?(16)', '?(17)'],
    v6: ['6', '6tej'],
    v5: ['5', '5t', '5te', '5tej'],
    v4: ['4', '4t'],
    v3: ['3'],
  }).flatMap(([variant, revisions]) => revisions.map((revision) => [revision, variant] as const)),
)

function readField(cpuinfo: string, name: string): string | undefined {
  for (const line of cpuinfo.split('\n')) {
    const [key = '', value] = line.split(':')
    if (value !== undefined && key.trim().toLowerCase() === name) return value.trim()
  }
  return undefined
}
