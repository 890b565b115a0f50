import { homedir } from 'node:os'
import { join } from 'node:path'

/** Everything of the machine and its user that decides where configuration lies. Tests put a place of their own here. */
export interface Locations {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The user's home directory. */
  readonly home: string
  /** What `/etc`, `/run` and `/proc` are below. */
  readonly root: string
  /** Undefined where users have no number. */
  readonly uid: number | undefined
  readonly platform: NodeJS.Platform
}

/** Those of this process. */
export function processLocations(): Locations {
  const { env, platform } = process
  return { env, home: env['HOME'] || homedir(), root: '/', uid: process.getuid?.(), platform }
}

/** `~/.config/containers/NAME`. Only credentials follow XDG_CONFIG_HOME: the other tools read the rest here. */
export function userFile({ home }: Locations, ...names: readonly string[]): string {
  return join(home, '.config', 'containers', ...names)
}

/** `/etc/NAME`. */
export function systemFile({ root }: Locations, ...names: readonly string[]): string {
  return join(root, 'etc', ...names)
}

/** Inside a user namespace of podman's it is the user outside that counts. */
export function isRoot({ env, uid }: Locations): boolean {
  const outside = env['_CONTAINERS_ROOTLESS_UID']
  return (outside === undefined || outside === '' ? uid : Number(outside)) === 0
}
