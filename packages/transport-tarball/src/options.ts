import { TransloadError, type Platform } from '@transload/contract'

export interface TarballOptions {
  /** What the layers are for: goes into the config. Default linux/amd64. */
  readonly platform: Pick<Platform, 'os' | 'architecture'>
  /** What `-` stands for; iterated once. Default: there is none. */
  readonly standardInput?: AsyncIterable<Uint8Array> | undefined
}

const defaultPlatform: TarballOptions['platform'] = { os: 'linux', architecture: 'amd64' }

/** Throws CONFIG_INVALID for an option that does not exist or is not of its type. */
export function readTarballOptions(given: Readonly<Record<string, unknown>>): TarballOptions {
  const { platform = defaultPlatform, standardInput, ...unknown } = given
  const [unknownName] = Object.keys(unknown)
  if (unknownName !== undefined) throw invalid(`there is no option ${JSON.stringify(unknownName)}`)
  if (!isPlatform(platform)) throw invalid('platform is not an operating system and an architecture')
  if (standardInput !== undefined && !isStream(standardInput)) throw invalid('standardInput is not a stream')
  return { platform, standardInput }
}

function isPlatform(value: unknown): value is TarballOptions['platform'] {
  if (typeof value !== 'object' || value === null) return false
  const { os, architecture } = value as Record<string, unknown>
  return typeof os === 'string' && typeof architecture === 'string'
}

function isStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function invalid(problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `tarball transport: ${problem}`)
}
