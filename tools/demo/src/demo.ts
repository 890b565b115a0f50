/**
 * `node demo.ts CLI`: copies an image from a registry to a layout, to an archive and back to the registry with the
 * transload command, and says what it did. Everything stays on this machine and is removed afterwards.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startRegistryServer } from '@transload/registry-server'

import { storeDemoImage } from './demo-image.ts'

const cli = process.argv[2]
if (cli === undefined) throw new Error('usage: node demo.ts CLI')
const folder = await mkdtemp(join(tmpdir(), 'transload-demo-'))
try {
  await storeDemoImage(join(folder, 'registry'), 'demo/app:1', cli)
  await using registry = await startRegistryServer({ directory: join(folder, 'registry') })
  const image = `docker://${registry.host}/demo/app`
  const layout = `oci:${join(folder, 'layout')}:app`
  const archive = `docker-archive:${join(folder, 'app.tar')}:demo/app:1`
  console.log(`A registry with an image for linux/amd64 and linux/arm64 runs at ${registry.url}.`)
  await transload(cli, 'copy', '--all', '--src-tls-verify=false', `${image}:1`, layout)
  await transload(cli, 'copy', '--override-os=linux', '--override-arch=amd64', layout, archive)
  await transload(cli, 'copy', '--dest-tls-verify=false', archive, `${image}:from-archive`)
  await transload(cli, 'inspect', '--tls-verify=false', `${image}:from-archive`)
  console.log(`
Copied ${image}:1 with both its platforms to an OCI layout, one platform of that to a docker archive,
and the archive back to the registry; every byte was checked against its digest on the way.
Try next: npm start -- --help, or npm start -- inspect docker://REGISTRY/IMAGE:TAG with an image of yours.`)
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function transload(main: string, ...args: readonly string[]): Promise<void> {
  console.log(`\n$ transload ${args.join(' ')}`)
  // What is learned of blobs is not to go into a file that the container tools of this machine share.
  const env = { ...process.env, XDG_DATA_HOME: join(folder, 'data'), _CONTAINERS_ROOTLESS_UID: '1000' }
  const child = spawn(process.execPath, [main, '--insecure-policy', ...args], { stdio: 'inherit', env })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`transload ${args[0]}: exit status ${code ?? 'by signal'}`)
}
