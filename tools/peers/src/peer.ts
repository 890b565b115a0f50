import { accessSync, constants } from 'node:fs'

import { debianRoot, peersDirectory } from './peers-directory.ts'
import { processOutput, textOf, type ProcessOptions, type ProcessOutput } from './process-output.ts'

/**
 * Every tool, where it lives (`host`: this machine's own; `root`: the current Debian under `peersDirectory()`),
 * and the Debian package that has it.
 */
const tools = {
  registry: { place: 'host', program: 'docker-registry', package: 'docker-registry' },
  'skopeo-host': { place: 'host', program: 'skopeo', package: 'skopeo' },
  'podman-host': { place: 'host', program: 'podman', package: 'podman' },
  'buildah-host': { place: 'host', program: 'buildah', package: 'buildah' },
  'umoci-host': { place: 'host', program: 'umoci', package: 'umoci' },
  gpg: { place: 'host', program: 'gpg', package: 'gnupg' },
  gpgconf: { place: 'host', program: 'gpgconf', package: 'gnupg' },
  htpasswd: { place: 'host', program: 'htpasswd', package: 'apache2-utils' },
  jq: { place: 'host', program: 'jq', package: 'jq' },
  openssl: { place: 'host', program: 'openssl', package: 'openssl' },
  time: { place: 'host', program: 'time', package: 'time' },
  nginx: { place: 'host', program: 'nginx', package: 'nginx-light' },
  tinyproxy: { place: 'host', program: 'tinyproxy', package: 'tinyproxy-bin' },
  debootstrap: { place: 'host', program: 'debootstrap', package: 'debootstrap' },
  mksquashfs: { place: 'host', program: 'mksquashfs', package: 'squashfs-tools' },
  fakeroot: { place: 'host', program: 'fakeroot', package: 'fakeroot' },
  setfattr: { place: 'host', program: 'setfattr', package: 'attr' },
  skopeo: { place: 'root', program: 'skopeo', package: 'skopeo' },
  podman: { place: 'root', program: 'podman', package: 'podman' },
  buildah: { place: 'root', program: 'buildah', package: 'buildah' },
  umoci: { place: 'root', program: 'umoci', package: 'umoci' },
  crane: { place: 'root', program: 'crane', package: 'crane' },
  oras: { place: 'root', program: 'oras', package: 'oras' },
  cosign: { place: 'root', program: 'cosign', package: 'cosign' },
  sq: { place: 'root', program: 'sq', package: 'sq' },
  docker: { place: 'root', program: 'docker', package: 'docker-cli' },
  dockerd: { place: 'root', program: 'dockerd', package: 'docker.io' },
} as const satisfies Readonly<Record<string, Tool>>

interface Tool {
  readonly place: 'host' | 'root'
  readonly program: string
  readonly package: string
}

export type PeerName = keyof typeof tools

export const peerNames = Object.keys(tools) as readonly PeerName[]

export const hostPeerNames = peerNames.filter((name) => tools[name].place === 'host')

/** The Debian packages of the tools of one place. */
export function packagesOf(place: 'host' | 'root'): readonly string[] {
  return peerNames.map((name) => tools[name]).flatMap((tool) => (tool.place === place ? [tool.package] : []))
}

/** The tools that live in the Debian root, by program name. */
export function rootPrograms(): readonly string[] {
  return peerNames.map((name) => tools[name]).flatMap((tool) => (tool.place === 'root' ? [tool.program] : []))
}

/** A real tool on this machine. One from the Debian root sees `/tmp`, `/dev/shm`, `peersDirectory()` and the host's network. */
export interface Peer {
  readonly name: PeerName
  /** An executable file that takes the tool's own arguments. */
  readonly command: string
  run(args: readonly string[], options?: ProcessOptions): Promise<ProcessOutput>
  /** Standard output; throws with the tool's own words if it fails. */
  output(args: readonly string[], options?: ProcessOptions): Promise<string>
}

/** The tool, or undefined if this machine does not have it. */
export function findPeer(name: PeerName): Peer | undefined {
  const command = commandOf(name)
  if (command === undefined) return undefined
  return {
    name,
    command,
    run: (args, options) => processOutput(command, args, options),
    output: (args, options) => textOf(command, args, options),
  }
}

/** The tool; throws, saying how to get it, if this machine does not have it. */
export function peer(name: PeerName): Peer {
  const found = findPeer(name)
  if (!found) throw new Error(`${name} is not installed: run "node tools/peers/src/install.ts" as root on Debian`)
  return found
}

/** The version of the Debian package a tool came in; undefined if Debian did not bring it here. */
export async function readVersion(name: PeerName): Promise<string | undefined> {
  const tool = tools[name]
  const database = `${tool.place === 'root' ? debianRoot() : ''}/var/lib/dpkg`
  const query = ['--admindir', database, '--show', '--showformat', '${Version}', tool.package]
  const { code, stdout } = await processOutput('dpkg-query', query)
  return code === 0 ? stdout : undefined
}

/**
 * A command line that runs a tool of the Debian root without entering it, with that root's own loader and libraries:
 * nothing stands between the measurement and the tool. For tools that need only the network and files.
 */
export function bareCommand(name: PeerName): readonly [string, ...string[]] {
  const root = debianRoot()
  return [
    `${root}/lib64/ld-linux-x86-64.so.2`,
    '--library-path',
    `${root}/usr/lib/x86_64-linux-gnu`,
    `${root}/usr/bin/${tools[name].program}`,
  ]
}

function commandOf(name: PeerName): string | undefined {
  const { place, program } = tools[name]
  const folders =
    place === 'root' ? [`${peersDirectory()}/bin`] : [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.map((folder) => `${folder}/${program}`).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
