import { encodeJson, parseJsonObject } from '@transload/contract'

import { goTimestamp } from './go-time.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'
import { sortedMap } from './sorted-map.ts'

/**
 * A Docker image config as an OCI one (copy-engine.md §6.2): only the members OCI image spec 1.1 has, in its order and
 * Go's encoding, so that the digest is the one the field's tools get. Throws MANIFEST_INVALID.
 */
export function ociConfigFromDocker(bytes: Uint8Array): Uint8Array {
  const docker = parseJsonObject(bytes, 'image config')
  const rootfs = objectIn(docker, 'rootfs')
  const history = listIn(docker, 'history')
  const oci = {
    created: time(docker['created']),
    author: nonEmpty(docker['author']),
    architecture: docker['architecture'] ?? '',
    os: docker['os'] ?? '',
    'os.version': nonEmpty(docker['os.version']),
    'os.features': nonEmptyList(docker['os.features']),
    variant: nonEmpty(docker['variant']),
    config: runConfig(objectIn(docker, 'config')),
    rootfs: { type: rootfs['type'] ?? '', diff_ids: rootfs['diff_ids'] ?? null },
    history: history && history.length > 0 ? history.map(historyEntry) : undefined,
  }
  return Buffer.from(encodeJson(oci))
}

function runConfig(config: JsonObject): JsonObject {
  return {
    User: nonEmpty(config['User']),
    ExposedPorts: emptyObjects(config['ExposedPorts']),
    Env: nonEmptyList(config['Env']),
    Entrypoint: nonEmptyList(config['Entrypoint']),
    Cmd: nonEmptyList(config['Cmd']),
    Volumes: emptyObjects(config['Volumes']),
    WorkingDir: nonEmpty(config['WorkingDir']),
    Labels: sortedMap(config['Labels']),
    StopSignal: nonEmpty(config['StopSignal']),
    ArgsEscaped: config['ArgsEscaped'] === true ? true : undefined,
  }
}

function historyEntry(value: unknown): JsonObject {
  const entry = isJsonObject(value) ? value : {}
  return {
    created: time(entry['created']),
    created_by: nonEmpty(entry['created_by']),
    author: nonEmpty(entry['author']),
    comment: nonEmpty(entry['comment']),
    empty_layer: entry['empty_layer'] === true ? true : undefined,
  }
}

function time(value: unknown): unknown {
  return typeof value === 'string' ? (goTimestamp(value) ?? value) : undefined
}

function objectIn(json: JsonObject, key: string): JsonObject {
  const value = json[key]
  return isJsonObject(value) ? value : {}
}

function listIn(json: JsonObject, key: string): readonly unknown[] | undefined {
  const value = json[key]
  return Array.isArray(value) ? value : undefined
}

function nonEmpty(value: unknown): unknown {
  return value === '' || value === null ? undefined : value
}

function nonEmptyList(value: unknown): unknown {
  return Array.isArray(value) && value.length > 0 ? value : undefined
}

function emptyObjects(value: unknown): JsonObject | undefined {
  const map = sortedMap(value)
  return map && Object.fromEntries(Object.keys(map).map((key) => [key, {}]))
}
