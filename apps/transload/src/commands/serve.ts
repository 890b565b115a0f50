import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { TransloadError } from '@transload/contract'

import { boolFlag, stringFlag, type FlagValues, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { print, printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'

const flags = {
  serve: {
    htpasswd: stringFlag('htpasswd', 'let in the users of the htpasswd FILE (bcrypt) only', { placeholder: 'FILE' }),
    listen: stringFlag('listen', 'the address to listen on (default 127.0.0.1:5000)', { placeholder: 'HOST:PORT' }),
    readOnly: boolFlag('read-only', 'refuse pushes and deletions'),
    signatures: boolFlag('signatures', 'keep signatures too (X-Registry-Supports-Signatures)'),
    tlsCert: stringFlag('tls-cert', 'serve HTTPS with the certificate in FILE (PEM)', { placeholder: 'FILE' }),
    tlsKey: stringFlag('tls-key', 'the key of --tls-cert in FILE (PEM)', { placeholder: 'FILE' }),
  },
}

export const serve = defineCommand({
  name: 'serve',
  description: `Serve an OCI layout as a registry

DIRECTORY is an OCI layout, made by the first push if it is not there; the default is
the working directory. Ctrl-C ends it.`,
  operands: '[DIRECTORY]',
  examples: ['serve images', 'serve --listen 0.0.0.0:443 --tls-cert tls.crt --tls-key tls.key --htpasswd users images'],
  flags,
  positionals: { least: 0, most: 1, problem: 'serve takes one directory' },
  run: runServe,
})

async function runServe(
  { serve: values }: GroupValues<typeof flags>,
  [path = '.']: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { directory, log, signal, stdout, globals } = context
  const { host, port } = parseAddress(values.listen ?? '127.0.0.1:5000')
  const tls = await readTls(values, directory)
  const htpasswd = values.htpasswd === undefined ? undefined : await readNamedFile(values.htpasswd, directory)
  const { startRegistryServer } = await import('@transload/registry-server')
  await using server = await startRegistryServer({
    directory: resolve(directory, path),
    host,
    port,
    tls,
    auth: htpasswd === undefined ? undefined : { htpasswd },
    readOnly: values.readOnly,
    signatures: values.signatures,
    log,
  })
  await (globals.json
    ? printJson(stdout, { url: server.url, directory: resolve(directory, path) })
    : print(stdout, `Serving ${path} at ${server.url}\n`))
  if (!signal.aborted) await once(signal, 'abort')
}

/** `HOST:PORT`, `:PORT` for every address, `[::1]:PORT`. Throws USAGE. */
function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text)?.groups
  const port = Number(match?.['port'])
  if (!match || port > 65_535) {
    throw new TransloadError('USAGE', `--listen: ${JSON.stringify(text)} is not HOST:PORT`)
  }
  return { host: match['ipv6'] ?? (match['host'] || '0.0.0.0'), port }
}

async function readTls(
  { tlsCert, tlsKey }: FlagValues<typeof flags.serve>,
  directory: string,
): Promise<{ cert: string; key: string } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new TransloadError('USAGE', '--tls-cert and --tls-key have to be given together')
  }
  return { cert: await readNamedFile(tlsCert, directory), key: await readNamedFile(tlsKey, directory) }
}

async function readNamedFile(path: string, directory: string): Promise<string> {
  try {
    return await readFile(resolve(directory, path), 'utf8')
  } catch (error) {
    throw prefixError(`reading ${path}`, error)
  }
}
