import { TransloadError } from '@transload/contract'

import { aliasFlag, boolFlag, stringFlag, type FlagValues } from '../arguments/flag.ts'
import type { GlobalValues } from './global-options.ts'

const credentialsPlaceholder = 'USERNAME[:PASSWORD]'

export const authFileFlags = {
  authfile: stringFlag(
    'authfile',
    'path of the authentication file. Default is ${XDG_RUNTIME_DIR}/containers/auth.json',
  ),
}

/** How the registry or layout of one side of a command is reached; `prefix` is ``, `src-` or `dest-`. */
export function imageAccessFlags(prefix: '' | 'src-' | 'dest-') {
  return {
    certDir: stringFlag(
      `${prefix}cert-dir`,
      'use certificates at PATH (*.crt, *.cert, *.key) to connect to the registry',
      { placeholder: 'PATH' },
    ),
    creds: stringFlag(`${prefix}creds`, `Use ${credentialsPlaceholder} for accessing the registry`, {
      placeholder: credentialsPlaceholder,
    }),
    noCreds: boolFlag(`${prefix}no-creds`, 'Access the registry anonymously'),
    password: stringFlag(`${prefix}password`, 'Password for accessing the registry'),
    registryToken: stringFlag(`${prefix}registry-token`, 'Provide a Bearer token for accessing the registry'),
    tlsVerify: boolFlag(
      `${prefix}tls-verify`,
      'require HTTPS and verify certificates when talking to the container registry',
    ),
    username: stringFlag(`${prefix}username`, 'Username for accessing the registry'),
  }
}

/** Of places that are no registries. There is no `docker-daemon:` yet to ask for the host of the daemon. */
export function localPlaceFlags(prefix: '' | 'src-' | 'dest-') {
  return {
    daemonHost: stringFlag(`${prefix}daemon-host`, 'use docker daemon host at HOST (docker-daemon: only)', {
      placeholder: 'HOST',
    }),
    sharedBlobDir: stringFlag(`${prefix}shared-blob-dir`, 'DIRECTORY to use to share blobs across OCI repositories', {
      placeholder: 'DIRECTORY',
    }),
  }
}

/** The two sides of `copy`, with the older spellings skopeo still takes. */
export function bothSidesFlags() {
  const source = { ...imageAccessFlags('src-'), authfile: sideAuthFile('src-') }
  const destination = { ...imageAccessFlags('dest-'), authfile: sideAuthFile('dest-') }
  return {
    source: { ...source, ...localPlaceFlags('src-'), screds: aliasFlag('screds', source.creds) },
    destination: { ...destination, ...localPlaceFlags('dest-'), dcreds: aliasFlag('dcreds', destination.creds) },
    bothSides: {
      ...authFileFlags,
      tlsVerify: boolFlag('tls-verify', 'require HTTPS and verify certificates', { hidden: true }),
    },
  }
}

export type ImageAccessValues = FlagValues<ReturnType<typeof imageAccessFlags>> & {
  readonly authfile?: string | undefined
  readonly sharedBlobDir?: string | undefined
}

/** One side, decided. */
export interface ImageAccess {
  /** What the flags say: these credentials, none at all, or (undefined) whatever the configuration has. */
  readonly credentials: { readonly username: string; readonly password: string } | 'anonymous' | undefined
  readonly registryToken: string | undefined
  readonly authFile: string | undefined
  readonly certificateDirectory: string | undefined
  /** Undefined: nothing was said. */
  readonly verifyTls: boolean | undefined
  readonly sharedBlobDirectory: string | undefined
}

/** `shared`: what flags for both sides say, which the side's own override. Throws USAGE for flags that contradict each other. */
export function resolveImageAccess(
  values: ImageAccessValues,
  globals: Pick<GlobalValues, 'tlsVerify'>,
  shared: { readonly authfile?: string | undefined; readonly tlsVerify?: boolean | undefined } = {},
): ImageAccess {
  return {
    credentials: resolveCredentials(values),
    registryToken: values.registryToken,
    authFile: values.authfile ?? shared.authfile,
    certificateDirectory: values.certDir,
    verifyTls: values.tlsVerify ?? shared.tlsVerify ?? globals.tlsVerify,
    sharedBlobDirectory: values.sharedBlobDir,
  }
}

function resolveCredentials({ creds, username, password, noCreds }: ImageAccessValues): ImageAccess['credentials'] {
  if (creds !== undefined && noCreds) {
    throw new TransloadError('USAGE', 'creds and no-creds cannot be specified at the same time')
  }
  if (username !== undefined && noCreds) {
    throw new TransloadError('USAGE', 'username and no-creds cannot be specified at the same time')
  }
  if (creds !== undefined && username !== undefined) {
    throw new TransloadError('USAGE', 'creds and username cannot be specified at the same time')
  }
  if (username !== undefined && password === undefined) {
    throw new TransloadError('USAGE', 'password must be specified when username is specified')
  }
  if (username === undefined && password !== undefined) {
    throw new TransloadError('USAGE', 'username must be specified when password is specified')
  }
  if (creds !== undefined) return parseCredentials(creds)
  if (username !== undefined && password !== undefined) return { username, password }
  return noCreds ? 'anonymous' : undefined
}

function parseCredentials(text: string): { username: string; password: string } {
  if (text === '') throw new TransloadError('USAGE', "credentials can't be empty")
  const colon = text.indexOf(':')
  if (colon === 0) throw new TransloadError('USAGE', "username can't be empty")
  return colon < 0
    ? { username: text, password: '' }
    : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function sideAuthFile(prefix: 'src-' | 'dest-') {
  return stringFlag(
    `${prefix}authfile`,
    'path of the authentication file. Default is ${XDG_RUNTIME_DIR}/containers/auth.json',
  )
}
