import { isJsonObject, type JsonObject } from '../json-object.ts'
import { sortedMap } from '../sorted-map.ts'
import { createdTime } from './created-time.ts'

/** An image's configuration with all members Docker knows of, and no others, in Docker's order: what old ones lack is empty. */
export function reencodedConfig(image: JsonObject): JsonObject {
  return {
    comment: nonEmpty(image['comment']),
    created: createdTime(image['created']),
    container: nonEmpty(image['container']),
    container_config: containerConfig(objectIn(image, 'container_config') ?? {}),
    docker_version: nonEmpty(image['docker_version']),
    author: nonEmpty(image['author']),
    config: optional(objectIn(image, 'config'), containerConfig),
    architecture: nonEmpty(image['architecture']),
    variant: nonEmpty(image['variant']),
    os: nonEmpty(image['os']),
  }
}

function containerConfig(config: JsonObject): JsonObject {
  return {
    Hostname: config['Hostname'] ?? '',
    Domainname: config['Domainname'] ?? '',
    User: config['User'] ?? '',
    AttachStdin: config['AttachStdin'] ?? false,
    AttachStdout: config['AttachStdout'] ?? false,
    AttachStderr: config['AttachStderr'] ?? false,
    ExposedPorts: setIn(config, 'ExposedPorts') ?? undefined,
    Tty: config['Tty'] ?? false,
    OpenStdin: config['OpenStdin'] ?? false,
    StdinOnce: config['StdinOnce'] ?? false,
    Env: config['Env'] ?? null,
    Cmd: words(config['Cmd']),
    Healthcheck: optional(objectIn(config, 'Healthcheck'), healthcheck),
    ArgsEscaped: config['ArgsEscaped'] || undefined,
    Image: config['Image'] ?? '',
    Volumes: setIn(config, 'Volumes'),
    WorkingDir: config['WorkingDir'] ?? '',
    Entrypoint: words(config['Entrypoint']),
    NetworkDisabled: config['NetworkDisabled'] || undefined,
    MacAddress: nonEmpty(config['MacAddress']),
    OnBuild: config['OnBuild'] ?? null,
    Labels: config['Labels'] == null ? null : (sortedMap(config['Labels']) ?? {}),
    StopSignal: nonEmpty(config['StopSignal']),
    StopTimeout: config['StopTimeout'] ?? undefined,
    Shell: nonEmpty(words(config['Shell'])),
  }
}

function healthcheck(check: JsonObject): JsonObject {
  return {
    Test: nonEmpty(check['Test']),
    StartPeriod: check['StartPeriod'] || undefined,
    Interval: check['Interval'] || undefined,
    Timeout: check['Timeout'] || undefined,
    Retries: check['Retries'] || undefined,
  }
}

/** A command as a list of words, which once was allowed to be one. */
function words(value: unknown): unknown {
  return typeof value === 'string' ? [value] : (value ?? null)
}

function setIn(json: JsonObject, name: string): JsonObject | null | undefined {
  const set = objectIn(json, name)
  if (!set) return null
  return Object.fromEntries(Object.keys(sortedMap(set) ?? {}).map((key) => [key, {}]))
}

function objectIn(json: JsonObject, name: string): JsonObject | undefined {
  const value = json[name]
  return isJsonObject(value) ? value : undefined
}

function nonEmpty(value: unknown): unknown {
  return value === '' || value === null || (Array.isArray(value) && value.length === 0) ? undefined : value
}

function optional(value: JsonObject | undefined, encode: (value: JsonObject) => JsonObject): JsonObject | undefined {
  return value && encode(value)
}
