/**
 * Installs the real tools that interop tests and measurements use, once, and prints their versions.
 * For root on Debian: `node tools/peers/src/install.ts`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { makeDebianRoot } from './debian-root.ts'
import { findPeer, hostPeerNames, packagesOf, peerNames, readVersion } from './peer.ts'

try {
  await installHostTools()
  await makeDebianRoot(runLoudly)
  await printVersions()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function installHostTools(): Promise<void> {
  if (hostPeerNames.every((name) => findPeer(name))) return
  if (process.getuid?.() !== 0)
    throw new Error('the peer tools are installed with apt-get and chroot: run this as root')
  const apt = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y']
  await runLoudly('env', [...apt, 'update'])
  await runLoudly('env', [...apt, 'install', '--no-install-recommends', ...packagesOf('host')])
}

async function printVersions(): Promise<void> {
  for (const name of peerNames) console.log(`${name.padEnd(14)} ${(await readVersion(name)) ?? 'missing'}`)
  const missing = peerNames.filter((name) => !findPeer(name))
  if (missing.length > 0) throw new Error(`still missing: ${missing.join(', ')}`)
}

/** Runs a command, its output going to standard error; throws if it fails. */
async function runLoudly(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', process.stderr, process.stderr] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit status ${code ?? 'by signal'}`)
}
