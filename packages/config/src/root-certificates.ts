import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { systemErrorText, TransloadError } from '@transload/contract'

import { readConfigFile } from './config-file.ts'
import type { Locations } from './locations.ts'

export interface RootCertificates {
  /** PEM texts. */
  readonly certificates: readonly string[]
  /** In place of the system's roots, rather than besides them. */
  readonly replacesSystem: boolean
}

/**
 * What SSL_CERT_FILE and SSL_CERT_DIR (a list, colons between) name; undefined when neither is set. As with Go's tools
 * only both together replace the system's roots, of which there is a file and a directory. Throws CONFIG_INVALID when
 * one cannot be read: a certificate somebody asked for must not be missing without a word.
 */
export async function readRootCertificates({ env }: Locations): Promise<RootCertificates | undefined> {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories } = env
  if (!file && !directories) return undefined
  const files = [
    ...(file ? [{ path: file, variable: 'SSL_CERT_FILE' }] : []),
    ...(await Promise.all((directories ?? '').split(':').filter(Boolean).map(listFiles))).flat(),
  ]
  const texts = await Promise.all(files.map(readCertificates))
  return {
    certificates: texts.filter((text) => text.includes('-----BEGIN CERTIFICATE-----')),
    replacesSystem: Boolean(file && directories),
  }
}

interface NamedFile {
  readonly path: string
  readonly variable: string
}

async function listFiles(directory: string): Promise<readonly NamedFile[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => ({ path: join(directory, entry.name), variable: 'SSL_CERT_DIR' }))
  } catch (cause) {
    throw new TransloadError('CONFIG_INVALID', `SSL_CERT_DIR: open ${directory}: ${systemErrorText(cause)}`, { cause })
  }
}

async function readCertificates({ path, variable }: NamedFile): Promise<string> {
  const text = await readConfigFile(path)
  if (text === undefined && variable === 'SSL_CERT_FILE') {
    throw new TransloadError('CONFIG_INVALID', `${variable}: open ${path}: no such file or directory`)
  }
  return text ?? ''
}
