import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

import { peer } from '@transload/peers'

/** One run of a program. */
export interface Sample {
  readonly wallSeconds: number
  /** User and system time, of all threads; in steps of 10 ms. */
  readonly cpuSeconds: number
  readonly peakMegabytes: number
}

/** Runs a command line under time(1), whose report goes to `reportFile`. Throws with the program's words if it fails. */
export async function measure(command: readonly string[], reportFile: string): Promise<Sample> {
  const args = ['--quiet', '--format', '%U %S %M', '--output', reportFile, '--', ...command]
  const startedAt = performance.now()
  const child = spawn(peer('time').command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const stderr: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  const wallSeconds = (performance.now() - startedAt) / 1000
  if (code !== 0)
    throw new Error(`${command.join(' ')}: exit status ${code ?? 'by signal'}\n${Buffer.concat(stderr).toString()}`)
  const [user = 0, system = 0, peakKilobytes = 0] = (await readFile(reportFile, 'utf8')).trim().split(' ').map(Number)
  return { wallSeconds, cpuSeconds: user + system, peakMegabytes: peakKilobytes / 1024 }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
