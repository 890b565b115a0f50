import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { peer, startDockerRegistry, testImage, type TestImageName } from '@transload/peers'

import { copy, type Stage } from './scenarios.ts'

/**
 * Two docker-registries and a folder on tmpfs, the workloads' images in the first. With `latencyMs` both are behind a
 * line of that round-trip time. Disposing ends and removes everything.
 */
export async function openStage(
  images: readonly TestImageName[],
  latencyMs: number | undefined,
): Promise<Stage & AsyncDisposable> {
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/transload-bench-`)
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const source = undo.use(await startDockerRegistry({ directory: `${folder}/source` }))
  const destination = undo.use(await startDockerRegistry({ directory: `${folder}/destination` }))
  for (const image of images) {
    await peer('skopeo').output(copy(testImage(image), `docker://${source.host}/${image}:1`))
  }
  const hosts =
    latencyMs === undefined
      ? [source.host, destination.host]
      : [
          undo.use(await delayed(source.host, latencyMs)).host,
          undo.use(await delayed(destination.host, latencyMs)).host,
        ]
  const held = undo.move()
  return { source: hosts[0]!, destination: hosts[1]!, folder, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

/** The same place at the end of a longer line. In a process of its own, which is not measured. */
async function delayed(host: string, latencyMs: number): Promise<{ readonly host: string } & AsyncDisposable> {
  const script = fileURLToPath(new URL('delay-proxy.ts', import.meta.url))
  const child = spawn(process.execPath, [script, host, String(latencyMs)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
