import { findCredentials, type FoundCredentials } from '@transload/config'
import type { OperationOptions } from '@transload/contract'

import type { CommandContext } from './context.ts'
import { prefixError } from './prefix-error.ts'

export interface StoredCredentialsOptions extends OperationOptions {
  /** The one file to look in. */
  readonly authFile: string | undefined
  /** Goes before the message of an error. */
  readonly prefix: string
}

/** What the credential files and helpers have for a host or one of its repositories. Throws CONFIG_INVALID and IO. */
export async function findStoredCredentials(
  scope: { readonly host: string; readonly repository?: string | undefined },
  { locations, log, registries, signal: always }: CommandContext,
  { authFile, prefix, signal = always }: StoredCredentialsOptions,
): Promise<FoundCredentials | undefined> {
  try {
    const { credentialHelpers } = await registries.readConf()
    const found = await findCredentials(scope, locations, { authFile, credentialHelpers, log, signal })
    const { host, repository } = scope
    const name = repository === undefined ? host : `${host}/${repository}`
    const place = [found?.helper && `credential helper ${found.helper}`, found?.file && `file ${found.file}`]
    log(
      'debug',
      found
        ? `Found credentials for ${name} in ${place.filter(Boolean).join(' of ')}`
        : `No credentials for ${name} found`,
    )
    return found
  } catch (error) {
    signal.throwIfAborted()
    throw prefixError(prefix, error)
  }
}
