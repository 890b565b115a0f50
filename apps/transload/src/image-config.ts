import { parseJsonObject, TransloadError } from '@transload/contract'
import { goTimestamp } from '@transload/core'

/** What of an image config is shown: OCI image spec config.md, in its order. Absent members are undefined. */
export interface ImageConfig {
  readonly created: string | undefined
  readonly author: string | undefined
  readonly architecture: string
  readonly os: string
  readonly 'os.version': string | undefined
  readonly 'os.features': readonly string[] | undefined
  readonly variant: string | undefined
  readonly config: ContainerConfig
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] | null }
  readonly history: readonly HistoryEntry[] | undefined
}

export interface ContainerConfig {
  readonly User: string | undefined
  readonly ExposedPorts: Readonly<Record<string, object>> | undefined
  readonly Env: readonly string[] | undefined
  readonly Entrypoint: readonly string[] | undefined
  readonly Cmd: readonly string[] | undefined
  readonly Volumes: Readonly<Record<string, object>> | undefined
  readonly WorkingDir: string | undefined
  readonly Labels: Readonly<Record<string, string>> | undefined
  readonly StopSignal: string | undefined
  readonly ArgsEscaped: boolean | undefined
}

export interface HistoryEntry {
  readonly created: string | undefined
  readonly created_by: string | undefined
  readonly author: string | undefined
  readonly comment: string | undefined
  readonly empty_layer: boolean | undefined
}

/** An OCI or Docker config in its OCI form; Docker's own members are left out. Throws MANIFEST_INVALID. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const json = parseJsonObject(bytes, 'image config')
  const history = readList(json, 'history')?.map(parseHistoryEntry)
  return {
    created: readTime(json, 'created'),
    author: readText(json, 'author'),
    architecture: readText(json, 'architecture') ?? '',
    os: readText(json, 'os') ?? '',
    'os.version': readText(json, 'os.version'),
    'os.features': readTexts(json, 'os.features'),
    variant: readText(json, 'variant'),
    config: parseContainerConfig(readObject(json, 'config') ?? {}),
    rootfs: parseRootfs(readObject(json, 'rootfs') ?? {}),
    history: history?.length === 0 ? undefined : history,
  }
}

/** What only Docker's configs have, and only `inspect` shows. */
export function parseDockerVersion(bytes: Uint8Array): string {
  return readText(parseJsonObject(bytes, 'image config'), 'docker_version') ?? ''
}

type Json = Readonly<Record<string, unknown>>

function parseContainerConfig(json: Json): ContainerConfig {
  return {
    User: readText(json, 'User'),
    ExposedPorts: readSet(json, 'ExposedPorts'),
    Env: readTexts(json, 'Env'),
    Entrypoint: readTexts(json, 'Entrypoint'),
    Cmd: readTexts(json, 'Cmd'),
    Volumes: readSet(json, 'Volumes'),
    WorkingDir: readText(json, 'WorkingDir'),
    Labels: readLabels(json),
    StopSignal: readText(json, 'StopSignal'),
    ArgsEscaped: readTrue(json, 'ArgsEscaped'),
  }
}

function parseRootfs(json: Json): ImageConfig['rootfs'] {
  const diffIds = readList(json, 'diff_ids')
  if (diffIds?.some((diffId) => typeof diffId !== 'string')) throw wrongType('rootfs.diff_ids')
  return { type: readText(json, 'type') ?? '', diff_ids: (diffIds as string[] | undefined) ?? null }
}

function parseHistoryEntry(value: unknown): HistoryEntry {
  const json = readObject({ entry: value }, 'entry') ?? {}
  return {
    created: readTime(json, 'created'),
    created_by: readText(json, 'created_by'),
    author: readText(json, 'author'),
    comment: readText(json, 'comment'),
    empty_layer: readTrue(json, 'empty_layer'),
  }
}

/** Absent, null and empty are one, here and below: none of them is shown. */
function readText(json: Json, name: string): string | undefined {
  const value = json[name] ?? ''
  if (typeof value !== 'string') throw wrongType(name)
  return value === '' ? undefined : value
}

function readTime(json: Json, name: string): string | undefined {
  const text = json[name]
  if (text === undefined || text === null) return undefined
  const time = typeof text === 'string' ? goTimestamp(text) : undefined
  if (time === undefined) throw wrongType(name)
  return time
}

function readTrue(json: Json, name: string): true | undefined {
  const value = json[name] ?? false
  if (typeof value !== 'boolean') throw wrongType(name)
  return value || undefined
}

function readList(json: Json, name: string): readonly unknown[] | undefined {
  const value = json[name] ?? undefined
  if (value !== undefined && !Array.isArray(value)) throw wrongType(name)
  return value
}

function readTexts(json: Json, name: string): readonly string[] | undefined {
  const list = readList(json, name) ?? []
  if (!list.every((item) => typeof item === 'string')) throw wrongType(name)
  return list.length === 0 ? undefined : list
}

function readObject(json: Json, name: string): Json | undefined {
  const value = json[name] ?? undefined
  if (value !== undefined && (typeof value !== 'object' || Array.isArray(value))) throw wrongType(name)
  return value as Json | undefined
}

function readLabels(json: Json): Readonly<Record<string, string>> | undefined {
  const entries = sortedEntries(readObject(json, 'Labels'))
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) throw wrongType('Labels')
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function readSet(json: Json, name: string): Readonly<Record<string, object>> | undefined {
  const entries = sortedEntries(readObject(json, name))
  return entries.length === 0 ? undefined : Object.fromEntries(entries.map(([key]) => [key, {}]))
}

function sortedEntries(json: Json = {}): [string, unknown][] {
  return Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1))
}

function wrongType(name: string): TransloadError {
  return new TransloadError('MANIFEST_INVALID', `image config: ${name} is not of the type it has to be`)
}
