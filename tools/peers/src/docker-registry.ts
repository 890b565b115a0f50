import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { peer } from './peer.ts'
import { writeCertificate } from './server-certificate.ts'

export interface DockerRegistryOptions {
  /** Where its images are kept; absent: a temporary folder, removed when it closes. */
  readonly directory?: string
  /** The one account that may use it, by HTTP basic authentication. */
  readonly htpasswd?: { readonly username: string; readonly password: string }
  /** Accept the tokens of a service instead, which the certificate (a file) vouches for. */
  readonly token?: TokenAuthentication
  /** Serve HTTPS with a certificate of its own for 127.0.0.1, localhost, and 0.0.0.0, which is no loopback to a proxy setting. */
  readonly tls?: boolean
  /** Allow manifests and blobs to be deleted. */
  readonly delete?: boolean
  /** Accept schema 1 manifests. */
  readonly schema1?: boolean
  /** The address it listens on; absent: 127.0.0.1. */
  readonly address?: string
  /** A command line put before its own, such as `ip netns exec NAME`. */
  readonly within?: readonly string[]
}

export interface TokenAuthentication {
  /** The URL where tokens are to be had. */
  readonly realm: string
  readonly service: string
  readonly issuer: string
  readonly certificatePath: string
}

/** A running docker-registry. Disposing it ends the process and removes what it made. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly url: string
  /** The certificate to trust, if it serves HTTPS. */
  readonly certificatePath: string | undefined
}

/** Starts Debian's docker-registry on a free port. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const own = await mkdtemp(join(tmpdir(), 'transload-registry-'))
  try {
    const address = options.address ?? '127.0.0.1'
    const certificatePath = options.tls ? (await writeCertificate(own, address)).certificatePath : undefined
    const configPath = join(own, 'config.json')
    await writeFile(configPath, JSON.stringify(await serverConfig(own, address, options, certificatePath)))
    const [command, ...args] = [...(options.within ?? []), peer('registry').command, 'serve', configPath] as const
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const port = await readPort(child)
    const host = `${address}:${port}`
    return {
      host,
      url: `${options.tls ? 'https' : 'http'}://${host}`,
      certificatePath,
      async [Symbol.asyncDispose]() {
        if (child.exitCode === null && child.signalCode === null) {
          child.kill('SIGKILL')
          await once(child, 'exit')
        }
        await rm(own, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(own, { recursive: true, force: true })
    throw error
  }
}

/** The server reads YAML, of which JSON is a part. */
async function serverConfig(
  own: string,
  address: string,
  options: DockerRegistryOptions,
  certificatePath: string | undefined,
): Promise<unknown> {
  const directory = options.directory ?? join(own, 'data')
  await mkdir(directory, { recursive: true })
  let auth: unknown
  if (options.htpasswd) {
    const path = join(own, 'htpasswd')
    const { username, password } = options.htpasswd
    await writeFile(path, await peer('htpasswd').output(['-Bin', username], { input: password }))
    auth = { htpasswd: { realm: 'registry', path } }
  }
  if (options.token) {
    const { certificatePath: rootcertbundle, ...service } = options.token
    auth = { token: { ...service, rootcertbundle } }
  }
  return {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: directory },
      delete: { enabled: options.delete ?? false },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: `${address}:0`,
      secret: 'one server, no secret to share',
      ...(certificatePath && { tls: { certificate: certificatePath, key: join(own, 'key.pem') } }),
    },
    ...(auth !== undefined && { auth }),
    ...(options.schema1 && { compatibility: { schema1: { enabled: true } } }),
  }
}

/** The port it chose, which it logs once it listens. Goes on reading the log so that the pipe never fills. */
async function readPort(child: ChildProcess): Promise<string> {
  const lines: string[] = []
  return await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`docker-registry ended before it listened:\n${lines.join('\n')}`)))
    createInterface({ input: child.stderr! }).on('line', (line) => {
      const port = /listening on [^"]*:(\d+)/.exec(line)?.[1]
      if (port) resolve(port)
      if (lines.length < 50) lines.push(line)
    })
  })
}
