import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { systemErrorCode, TransloadError } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import { systemFile, userFile, type Locations } from './locations.ts'

/** PEM texts. `ca` is added to the system's roots; `cert` and `key` are shown to a server that asks for them. */
export interface HostCertificates {
  readonly ca: readonly string[]
  readonly cert?: string
  readonly key?: string
  /** Where they are from. */
  readonly directory: string
}

/**
 * Certificates for `host[:port]` out of `certDirectory` (`--cert-dir`), or else out of the first `certs.d/HOST` there
 * is (containers-certs.d(5)); undefined when there is none. Of several client certificates the first by name is used.
 * Throws CONFIG_INVALID for half a client certificate, IO for a file that cannot be read.
 */
export async function readHostCertificates(
  host: string,
  locations: Locations,
  { certDirectory }: { readonly certDirectory?: string | undefined } = {},
): Promise<HostCertificates | undefined> {
  const candidates = certDirectory ? [certDirectory] : certificateDirectories(host, locations)
  for (const directory of candidates) {
    const names = await listNames(directory)
    if (names) return await readCertificates(directory, names)
  }
  return undefined
}

function certificateDirectories(host: string, locations: Locations): readonly string[] {
  // The host becomes the name of one directory, whatever is in it.
  if (host === '' || host === '..' || host === '.' || /[/\\\0]/.test(host)) return []
  return [
    userFile(locations, 'certs.d', host),
    systemFile(locations, 'containers', 'certs.d', host),
    systemFile(locations, 'docker', 'certs.d', host),
  ]
}

/** Sorted; undefined for a directory that is missing or cannot be read: others are tried. */
async function listNames(directory: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(directory)).sort()
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    return undefined
  }
}

async function readCertificates(directory: string, names: readonly string[]): Promise<HostCertificates> {
  const [pair] = clientPairs(names)
  return {
    ca: await Promise.all(names.filter((name) => name.endsWith('.crt')).map((name) => readPem(directory, name))),
    ...(pair ? { cert: await readPem(directory, pair.cert), key: await readPem(directory, pair.key) } : {}),
    directory,
  }
}

function clientPairs(names: readonly string[]): readonly { readonly cert: string; readonly key: string }[] {
  const stray = names.find((name) => name.endsWith('.key') && !names.includes(name.replace(/\.key$/, '.cert')))
  if (stray !== undefined) {
    const cert = stray.replace(/\.key$/, '.cert')
    throw new TransloadError('CONFIG_INVALID', `missing client certificate ${cert} for key ${stray}`)
  }
  return names
    .filter((name) => name.endsWith('.cert'))
    .map((cert) => {
      const key = cert.replace(/\.cert$/, '.key')
      if (names.includes(key)) return { cert, key }
      throw new TransloadError(
        'CONFIG_INVALID',
        `missing key ${key} for client certificate ${cert}. Note that CA certificates should use the extension .crt`,
      )
    })
}

async function readPem(directory: string, name: string): Promise<string> {
  const path = join(directory, name)
  const text = await readConfigFile(path)
  if (text === undefined) throw new TransloadError('IO', `open ${path}: no such file or directory`)
  return text
}
