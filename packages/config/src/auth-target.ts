import { join } from 'node:path'

import { TransloadError, type Log } from '@transload/contract'

import { runtimeAuthFile } from './auth-file.ts'
import type { Locations } from './locations.ts'

/** The file `login` and `logout` edit. `docker` files take hosts only, and the Hub under the URL Docker uses. */
export interface AuthTarget {
  readonly path: string
  readonly format: 'containers' | 'docker'
  /** Named by an option or the environment: then credentials are looked for in no other file. */
  readonly isExclusive?: true
}

export interface AuthTargetOptions {
  /** `--authfile` */
  readonly authFile?: string | undefined
  /** `--compat-auth-file` */
  readonly compatAuthFile?: string | undefined
  readonly log?: Log | undefined
}

/**
 * In order: the options, REGISTRY_AUTH_FILE, DOCKER_CONFIG, the file in the user's runtime directory. Warns of Docker's
 * own file where it is not named as one of Docker's. Throws USAGE.
 */
export async function authTarget(locations: Locations, options: AuthTargetOptions = {}): Promise<AuthTarget> {
  const { authFile, compatAuthFile, log } = options
  const dockersOwn = join(locations.home, '.docker', 'config.json')
  const { REGISTRY_AUTH_FILE: environmentFile, DOCKER_CONFIG: dockerDirectory } = locations.env
  if (authFile && compatAuthFile) {
    throw new TransloadError(
      'USAGE',
      'options for paths to the credential file and to the Docker-compatible credential file can not be set simultaneously',
    )
  }
  if (authFile) {
    if (authFile === dockersOwn) {
      log?.('warn', 'saving credentials to ~/.docker/config.json, but not using Docker-compatible file format')
    }
    return { path: authFile, format: 'containers', isExclusive: true }
  }
  if (compatAuthFile) return { path: compatAuthFile, format: 'docker', isExclusive: true }
  if (environmentFile) {
    if (environmentFile === dockersOwn) {
      log?.(
        'warn',
        '$REGISTRY_AUTH_FILE points to ~/.docker/config.json, but the file format is not fully compatible; use the Docker-compatible file path option instead',
      )
    }
    return { path: environmentFile, format: 'containers', isExclusive: true }
  }
  if (dockerDirectory) return { path: join(dockerDirectory, 'config.json'), format: 'docker', isExclusive: true }
  return { path: await runtimeAuthFile(locations), format: 'containers' }
}
