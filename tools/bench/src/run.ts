/**
 * `pnpm bench [--rounds N] [--only TEXT] [--latency MS]`: transload, skopeo and crane side by side, in interleaved
 * rounds against the same registries on tmpfs. Prints medians as a markdown table, and transload's against skopeo's.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { bareCommand, processOutput } from '@transload/peers'

import { measure, median, type Sample } from './measure.ts'
import { clearOutput, scenarios, type Arguments, type ProgramName, type Scenario, type Stage } from './scenarios.ts'
import { openStage } from './stage.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    latency: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const latencyMs = values.latency === undefined ? undefined : Number(values.latency)
const chosen = scenarios.filter(
  ({ name, isForLatency }) => name.includes(values.only) && (latencyMs === undefined || isForLatency === true),
)

const programs: Readonly<Record<ProgramName, readonly string[]>> = {
  skopeo: bareCommand('skopeo'),
  crane: bareCommand('crane'),
  node: [process.execPath],
  transload: [process.execPath, fileURLToPath(new URL('../../../apps/transload/dist/main.cjs', import.meta.url))],
}

{
  const images = (['small', 'debian', 'large', 'many'] as const).filter((image) => isUsed(image))
  await using stage = await openStage(images, latencyMs)
  const line = latencyMs === undefined ? 'loopback' : `${latencyMs} ms round trip`
  console.log(`${rounds} interleaved rounds, ${line}; medians: wall seconds (CPU seconds, peak MB)\n`)
  console.log(
    '| path | skopeo | crane | bare Node | transload | wall / skopeo | CPU / skopeo |\n|---|---|---|---|---|---|---|',
  )
  for (const scenario of chosen) console.log(tableRow(scenario, await runScenario(scenario, stage)))
}

/** Whether a chosen scenario reads this image. */
function isUsed(image: string): boolean {
  const stage: Stage = { source: 'source', destination: 'destination', folder: '/folder' }
  return chosen.some(({ run, prepare }) =>
    [...(prepare?.(stage) ?? []), run(stage, '0').skopeo ?? []]
      .flat()
      .some((word) => word.includes(`source/${image}:`)),
  )
}

async function runScenario(scenario: Scenario, stage: Stage): Promise<ReadonlyMap<ProgramName, readonly Sample[]>> {
  const samples = new Map<ProgramName, Sample[]>()
  for (const prepared of scenario.prepare?.(stage) ?? []) {
    const [command, ...args] = [...programs.skopeo, ...prepared] as [string, ...string[]]
    const { code, stderr } = await processOutput(command, args)
    if (code !== 0) throw new Error(`preparing "${scenario.name}": ${stderr}`)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const program of ['skopeo', 'crane', 'node', 'transload'] as const) {
      const { skopeo, crane, node } = scenario.run(stage, `${program}-${round}`)
      const args: Arguments = { skopeo, crane, node, transload: skopeo }[program]
      if (args === undefined) continue
      await clearOutput(stage)
      await forgetBlobs()
      const sample = await measure([...programs[program], ...args], join(stage.folder, 'time'))
      samples.set(program, [...(samples.get(program) ?? []), sample])
    }
  }
  await clearOutput(stage)
  return samples
}

/** What skopeo and transload, run by root, remember of blobs in one file would make every later run another workload. */
async function forgetBlobs(): Promise<void> {
  for (const extension of ['boltdb', 'sqlite']) {
    await rm(`/var/lib/containers/cache/blob-info-cache-v1.${extension}`, { force: true })
  }
}

function tableRow({ name }: Scenario, samples: ReadonlyMap<ProgramName, readonly Sample[]>): string {
  const middle = (program: ProgramName, key: keyof Sample) =>
    median((samples.get(program) ?? []).map((one) => one[key]))
  const cell = (program: ProgramName) =>
    samples.has(program)
      ? `${middle(program, 'wallSeconds').toFixed(3)} (${middle(program, 'cpuSeconds').toFixed(2)}, ${middle(program, 'peakMegabytes').toFixed(0)})`
      : '–'
  const ratio = (key: keyof Sample) => {
    const quotient = middle('transload', key) / middle('skopeo', key)
    return Number.isFinite(quotient) ? quotient.toFixed(2) : '–' // too short for the clock
  }
  return `| ${name} | ${cell('skopeo')} | ${cell('crane')} | ${cell('node')} | ${cell('transload')} | ${ratio('wallSeconds')} | ${ratio('cpuSeconds')} |`
}
