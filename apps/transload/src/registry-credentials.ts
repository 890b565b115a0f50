import { blockedReason, findRegistry, type CredentialKey } from '@transload/config'
import { TransloadError } from '@transload/contract'
import type { Credentials } from '@transload/transport-registry'

import type { CommandContext } from './context.ts'
import { registryOptions } from './side.ts'

export interface RegistryFlags {
  readonly certDir?: string | undefined
  readonly tlsVerify?: boolean | undefined
}

/** Asks the registry, unless it is blocked. Throws UNAUTHENTICATED, or what kept it from answering. */
export async function checkRegistryCredentials(
  credentials: Credentials,
  { host }: CredentialKey,
  { certDir, tlsVerify }: RegistryFlags,
  context: CommandContext,
): Promise<void> {
  const conf = await context.registries.readConf()
  const blocked = blockedReason(conf, host)
  if (blocked !== undefined) {
    const message = `authenticating creds for ${JSON.stringify(host)}: creating new docker client: ${blocked}`
    throw new TransloadError('DENIED', message)
  }
  const isInsecure = findRegistry(conf, host)?.insecure === true
  const { checkCredentials } = await import('@transload/transport-registry')
  const { certificates, rootCertificates, tlsDetails, verifyTls, userAgent, proxy } = await registryOptions(
    {
      credentials: 'anonymous',
      registryToken: undefined,
      authFile: undefined,
      certificateDirectory: certDir,
      verifyTls: tlsVerify ?? context.globals.tlsVerify ?? !isInsecure,
      sharedBlobDirectory: undefined,
    },
    context,
  )
  const { log, signal } = context
  await checkCredentials(host, credentials, {
    certificates,
    rootCertificates,
    tlsDetails,
    verifyTls,
    userAgent,
    proxy,
    log,
    signal,
  })
}

/** False also when the registry could not be asked, as with skopeo. */
export async function areValidCredentials(
  credentials: Credentials,
  key: CredentialKey,
  flags: RegistryFlags,
  context: CommandContext,
): Promise<boolean> {
  try {
    await checkRegistryCredentials(credentials, key, flags, context)
    return true
  } catch (error) {
    if (!TransloadError.is(error) || context.signal.aborted) throw error
    return false
  }
}
