import { dirname, resolve } from 'node:path'

import { TransloadError } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import type { Locations } from './locations.ts'

/** A server of the Kubernetes API, and who asks it. PEM texts. */
export interface KubernetesServer {
  readonly url: string
  readonly token: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly insecure: boolean
}

/**
 * The server of the current context: of the files of `KUBECONFIG`, else of `~/.kube/config`; what the first file says
 * counts, and missing files are passed over. Without any: `KUBERNETES_MASTER`, else `http://localhost:8080`. Relative
 * paths in a file are relative to it, in `KUBECONFIG` to `directory`. Throws CONFIG_INVALID and IO.
 */
export async function readKubernetesServer(locations: Locations, directory: string): Promise<KubernetesServer> {
  const { env, home, platform } = locations
  const named = env['KUBECONFIG']
  const files = named ? named.split(platform === 'win32' ? ';' : ':').filter(Boolean) : [resolve(home, '.kube/config')]
  const configs = (await Promise.all(files.map((file) => readFileOf(resolve(directory, file))))).filter(Boolean)
  const current = configs.map((config) => config!.members['current-context']).find(Boolean)
  const context = find(configs, 'contexts', 'context', current)?.members ?? {}
  const cluster = find(configs, 'clusters', 'cluster', context['cluster'])
  const user = find(configs, 'users', 'user', context['user'])
  const server = text(cluster, 'server') ?? (env['KUBERNETES_MASTER'] || 'http://localhost:8080')
  const url = URL.parse(/^https?:\/\//.test(server) ? server : `https://${server}`)
  if (!url) throw invalid(`cluster has no usable server: ${JSON.stringify(server)}`)
  const cert = await content(user, 'client-certificate')
  const key = await content(user, 'client-key')
  if (cert !== undefined && key === undefined) {
    const name = JSON.stringify(context['user'])
    throw invalid(
      `client-key-data or client-key must be specified for ${name} to use the clientCert authentication method`,
    )
  }
  return {
    url: url.href,
    token: text(user, 'token'),
    username: text(user, 'username'),
    password: text(user, 'password'),
    ca: await content(cluster, 'certificate-authority'),
    cert,
    key,
    insecure: cluster?.members['insecure-skip-tls-verify'] === true,
  }
}

interface Section {
  readonly file: string
  readonly members: Readonly<Record<string, unknown>>
}

async function readFileOf(file: string): Promise<Section | undefined> {
  const source = await readConfigFile(file)
  if (source === undefined) return undefined
  const { parse } = await import('yaml')
  try {
    return { file, members: mapping(parse(source, { logLevel: 'error' })) ?? {} }
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message.split('\n', 1)[0]! : String(cause)
    throw new TransloadError('CONFIG_INVALID', `loading config file ${JSON.stringify(file)}: yaml: ${problem}`, {
      cause,
    })
  }
}

/** The section of that name, in the first file that has one. */
function find(
  configs: readonly (Section | undefined)[],
  list: string,
  member: string,
  name: unknown,
): Section | undefined {
  for (const config of configs) {
    const entries = config?.members[list]
    const entry = Array.isArray(entries) ? entries.find((one) => mapping(one)?.['name'] === name) : undefined
    const members = mapping(mapping(entry)?.[member])
    if (members) return { file: config!.file, members }
  }
  return undefined
}

/** `NAME-data`, in base64, or else the file `NAME`. */
async function content(section: Section | undefined, name: string): Promise<string | undefined> {
  const data = text(section, `${name}-data`)
  if (data !== undefined) return Buffer.from(data, 'base64').toString()
  const file = text(section, name)
  if (section === undefined || file === undefined) return undefined
  const path = resolve(dirname(section.file), file)
  const found = await readConfigFile(path)
  if (found === undefined) throw invalid(`unable to read ${name} ${path}: no such file or directory`)
  return found
}

function text(section: Section | undefined, name: string): string | undefined {
  const value = section?.members[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function mapping(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

function invalid(problem: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `invalid configuration: ${problem}`)
}
