/** What a registry does otherwise than the distribution spec says, as far as it changes what we do. */
export interface RegistryQuirks {
  /** Where the registry is served, if not under the name in references. */
  readonly address?: string | undefined
  /**
   * An upload takes all its bytes in one request: further ones lose or spoil what came before, or where it stands cannot
   * be asked. So a blob is never split, and starts again when its upload breaks.
   */
  readonly takesOneBody?: boolean | undefined
  /** A blob larger than this is sent by PATCH, and finished by an empty PUT: a PUT of more is refused. */
  readonly maxPutBytes?: number | undefined
}

interface QuirkRow {
  readonly name: string
  /** Of the host as in references. */
  readonly host: RegExp
  readonly quirks: RegistryQuirks
}

const rows: readonly QuirkRow[] = [
  // The name in references is a web site's.
  { name: 'Docker Hub', host: /^docker\.io$/, quirks: { address: 'registry-1.docker.io' } },
  // Of several PATCHes only the last one counts.
  { name: 'GitHub', host: /^(?:[^.]+\.)?ghcr\.io$/, quirks: { takesOneBody: true } },
  // Chunks are not supported.
  { name: 'Google', host: /^(?:(?:[^.]+\.)?gcr\.io|[^.]+-docker\.pkg\.dev)$/, quirks: { takesOneBody: true } },
  // The Range it reports stays at the end of the first chunk, whatever else it took (aws/containers-roadmap#2831).
  {
    name: 'Amazon',
    host: /^(?:public\.ecr\.aws|\d+\.dkr[.-]ecr(?:-fips)?\.[^.]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws))$/,
    quirks: { takesOneBody: true },
  },
  // A PUT of more than some 20 MB is answered with 413 or a reset; a PATCH is not.
  { name: 'Azure', host: /^.+\.azurecr\.(?:io|cn|us|de)$/, quirks: { maxPutBytes: 20_000_000 } },
]

const none: RegistryQuirks = {}

/** `host` may have a port. */
export function quirksOf(host: string): RegistryQuirks {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return rows.find((row) => row.host.test(name))?.quirks ?? none
}
