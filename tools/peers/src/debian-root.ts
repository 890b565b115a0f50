import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { packagesOf, rootPrograms } from './peer.ts'
import { debianRoot, peersDirectory } from './peers-directory.ts'
import { textOf } from './process-output.ts'

/** Needed by the tools of the root, but run by nobody here. */
const supportPackages = ['ca-certificates', 'crun', 'jq', 'netavark', 'uidmap']

type Run = (command: string, args: readonly string[]) => Promise<void>

/**
 * Makes the root of a current Debian with its tools, and one wrapper for each tool, unless they are there.
 * `run` executes a command and throws if it fails. A root that is half made never takes the final name.
 */
export async function makeDebianRoot(run: Run): Promise<void> {
  const packages = [...packagesOf('root'), ...supportPackages]
  const root = debianRoot()
  const stamp = `${root}/.transload-packages`
  await mkdir(peersDirectory(), { recursive: true })
  await copyFile(fileURLToPath(new URL('enter-root.sh', import.meta.url)), enterScript())
  await chmod(enterScript(), 0o755)
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === packages.join(' ')) return
  if (!existsSync(root)) {
    const partial = `${root}.partial`
    await rm(partial, { recursive: true, force: true })
    await run('debootstrap', ['--variant=minbase', 'sid', partial, await readMirror()])
    await writeFile(`${partial}/usr/sbin/policy-rc.d`, '#!/bin/sh\nexit 101\n') // packages start no service
    await chmod(`${partial}/usr/sbin/policy-rc.d`, 0o755)
    await rename(partial, root)
  }
  // how this machine fetches (a proxy, a mirror frozen at a date) holds in the root too
  await writeFile(`${root}/etc/apt/apt.conf.d/99host`, await textOf('apt-config', ['dump', 'Acquire']))
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y']
  await run(enterScript(), [peersDirectory(), ...apt, 'update'])
  await run(enterScript(), [peersDirectory(), ...apt, 'install', '--no-install-recommends', ...packages])
  await run(enterScript(), [peersDirectory(), ...apt, 'clean'])
  await writeWrappers()
  await writeFile(stamp, packages.join(' '))
}

function enterScript(): string {
  return `${peersDirectory()}/enter-root.sh`
}

async function writeWrappers(): Promise<void> {
  await mkdir(`${peersDirectory()}/bin`, { recursive: true })
  for (const program of rootPrograms()) {
    const path = `${peersDirectory()}/bin/${program}`
    await writeFile(path, `#!/bin/sh\nexec '${enterScript()}' '${peersDirectory()}' ${program} "$@"\n`)
    await chmod(path, 0o755)
  }
}

/** The Debian mirror this machine installs from: the first one named in apt's own configuration. */
async function readMirror(): Promise<string> {
  const folder = '/etc/apt/sources.list.d'
  const names = existsSync(folder) ? await readdir(folder) : []
  const files = ['/etc/apt/sources.list', ...names.toSorted().map((name) => `${folder}/${name}`)].filter(existsSync)
  for (const file of files) {
    const mirror = /^(?:URIs:|deb(?: \[[^\]]*\])?) *(\S+\/debian)\/?(?=\s)/m.exec(await readFile(file, 'utf8'))?.[1]
    if (mirror) return mirror
  }
  throw new Error('no Debian mirror in /etc/apt/sources.list nor /etc/apt/sources.list.d: is this machine a Debian?')
}
