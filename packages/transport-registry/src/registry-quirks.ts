import { isDigest } from '@transload/contract'

/** What a registry does otherwise than the distribution spec says, as far as its host name tells. */
export interface HostQuirks {
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

/** What an error of a registry says otherwise than by its code. */
export interface ErrorQuirk {
  /** The standard's code for it; `NOT_FOUND` where that depends on what was asked for. */
  readonly means: string
  readonly hint?: string | undefined
}

/** An item of the `errors` of an answer. */
export interface ServerError {
  readonly code: string
  readonly message: string
  readonly detail: unknown
}

/** A row is recognised by one thing, and says what it changes. */
type QuirkRow = {
  /** Whose it is: for readers. */
  readonly name: string
  /** What the registry does. */
  readonly reason: string
  readonly source?: string
} & (
  | HostRow
  | ErrorRow
  | { /** Key of an error's text in a body without `errors`. */ readonly errorKey: string }
  | { /** The `service` of a challenge. */ readonly tokenService: RegExp; readonly removeActions: string }
  | { /** Listed as a tag, and left out. */ readonly isNoTag: (item: unknown) => boolean }
  | { /** The path of a next page that is not there: its query counts. */ readonly misplacedPage: RegExp }
)

interface HostRow {
  /** As in references, without port. */
  readonly host: RegExp
  readonly quirks: HostQuirks
}

interface ErrorRow {
  /** `text` is in the message or in the detail; `UNKNOWN` is any code that is not the standard's. */
  readonly error: { readonly status?: number; readonly code: string; readonly text: RegExp }
  readonly quirk: ErrorQuirk
}

const keepsTag: ErrorQuirk = {
  means: 'DENIED',
  hint: 'The registry does not let this tag be changed: write another, or have that allowed there.',
}

/** From top to bottom; of the rows that are recognised by the same thing, the first that fits counts. */
const rows: readonly QuirkRow[] = [
  {
    name: 'Docker Hub',
    reason: 'The name in references is that of a web site.',
    host: /^docker\.io$/,
    quirks: { address: 'registry-1.docker.io' },
  },
  {
    name: 'Docker Hub',
    reason: 'Some errors are {"details": "…"}, without a code.',
    errorKey: 'details',
  },
  {
    name: 'GitHub',
    reason: 'Of several PATCHes only the last one counts.',
    host: /^(?:[^.]+\.)?ghcr\.io$/,
    quirks: { takesOneBody: true },
  },
  {
    name: 'Google',
    reason: 'Uploads in chunks are not supported.',
    source: 'https://github.com/containers/skopeo/issues/1101',
    host: /^(?:(?:[^.]+\.)?gcr\.io|[^.]+-docker\.pkg\.dev)$/,
    quirks: { takesOneBody: true },
  },
  {
    name: 'Amazon',
    reason: 'The Range of an upload stays at the end of the first chunk, whatever else was taken.',
    source: 'https://github.com/aws/containers-roadmap/issues/2831',
    host: /^(?:public\.ecr\.aws|\d+\.dkr[.-]ecr(?:-fips)?\.[^.]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws))$/,
    quirks: { takesOneBody: true },
  },
  {
    name: 'Amazon',
    reason: 'A manifest without mediaType is refused as if the request were wrong, where its type is.',
    source: 'https://github.com/containers/image/pull/584',
    error: { code: 'UNSUPPORTED', text: /Invalid JSON syntax/ },
    quirk: { means: 'MANIFEST_INVALID' },
  },
  {
    name: 'Amazon',
    reason: 'An immutable tag has the code of a manifest that does not fit its tag: other types of it would be tried.',
    source: 'https://github.com/moby/buildkit/issues/3776',
    error: { code: 'TAG_INVALID', text: /immutable/ },
    quirk: keepsTag,
  },
  {
    name: 'Azure',
    reason: 'A PUT of more than some 20 MB is answered with 413 or a reset; a PATCH is not.',
    host: /^.+\.azurecr\.(?:io|cn|us|de)$/,
    quirks: { maxPutBytes: 20_000_000 },
  },
  {
    name: 'Aliyun',
    reason: 'An immutable tag has no code of its own.',
    source: 'https://www.alibabacloud.com/help/doc-detail/186029.htm',
    error: { code: 'UNKNOWN', text: /tag already exists and cannot be overwritten/ },
    quirk: keepsTag,
  },
  {
    name: 'Harbor',
    reason: 'An immutable tag is a PRECONDITION that failed.',
    source: 'https://github.com/goharbor/harbor/pull/9837',
    error: { code: 'UNKNOWN', text: /configured as immutable/ },
    quirk: keepsTag,
  },
  {
    name: 'Harbor, Red Hat',
    reason: 'What is not there has a code of their own (NOT_FOUND, UNKNOWN), and a text that says so.',
    source: 'https://github.com/containers/image/pull/2413',
    error: { status: 404, code: 'UNKNOWN', text: /not found/i },
    quirk: { means: 'NOT_FOUND' },
  },
  {
    name: 'Artifactory',
    reason: 'A tag that may not be overwritten is called an invalid manifest: other types of it would be tried.',
    source: 'https://github.com/GoogleContainerTools/kaniko/issues/1095',
    error: { code: 'MANIFEST_INVALID', text: /HTTP 403 Forbidden/ },
    quirk: keepsTag,
  },
  {
    name: 'Artifactory',
    reason: 'Digests are listed among the tags.',
    source: 'https://github.com/containers/skopeo/issues/2346',
    isNoTag: (item) => typeof item === 'string' && isDigest(item),
  },
  {
    name: 'Nexus',
    reason: 'Null is listed among the tags (3.58).',
    source: 'https://github.com/containers/skopeo/issues/2409',
    isNoTag: (item) => item === null || item === '',
  },
  {
    name: 'Nexus',
    reason: 'On the port of a repository, the next page of tags is said to be under the path of another port.',
    source: 'https://github.com/sonatype/nexus-public/issues/1011',
    misplacedPage: /^\/repository\/[^/]+\/v2\//,
  },
  {
    name: 'Nexus',
    reason: 'Where redeploying is disabled, a tag that is there is called an invalid upload.',
    source: 'https://github.com/GoogleContainerTools/jib/issues/3057',
    error: { code: 'BLOB_UPLOAD_INVALID', text: /does not allow updating assets/ },
    quirk: keepsTag,
  },
  {
    name: 'Nexus',
    reason: 'Of two uploads of a blob at the same time, also to two repositories, the later one is refused.',
    source: 'https://github.com/sonatype/nexus-public/issues/967',
    error: { code: 'BLOB_UPLOAD_INVALID', text: /cannot be updated/ },
    quirk: { means: 'BLOB_UPLOAD_UNKNOWN' },
  },
  {
    name: 'GitLab',
    reason: 'The token of a CI job may delete, but not do everything: it gets nothing for "*".',
    source: 'https://github.com/containers/image/issues/855',
    tokenService: /^container_registry$/,
    removeActions: 'pull,delete',
  },
  {
    name: 'Quay, old Docker registries',
    reason: 'Deleting needs the action "*"; Quay gives no token at all to who asks for "delete".',
    source: 'https://github.com/quay/quay/pull/6576',
    tokenService: /^/,
    removeActions: '*',
  },
]

const none: HostQuirks = {}

/** `host` may have a port. */
export function quirksOf(host: string): HostQuirks {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  for (const row of rows) if ('host' in row && row.host.test(name)) return row.quirks
  return none
}

/** Of one error of an answer with this status. A `code` that is not the standard's is to be given as `UNKNOWN`. */
export function quirkOfError(status: number, { code, message, detail }: ServerError): ErrorQuirk | undefined {
  for (const row of rows) {
    if (!('error' in row) || row.error.code !== code || (row.error.status ?? status) !== status) continue
    if (row.error.text.test(message) || row.error.text.test(JSON.stringify(detail) ?? '')) return row.quirk
  }
  return undefined
}

/** The text of an error that is not in a list of them. */
export function loneErrorText(body: object): string | undefined {
  for (const row of rows) {
    const text: unknown = 'errorKey' in row ? (body as Record<string, unknown>)[row.errorKey] : undefined
    if (typeof text === 'string' && text !== '') return text
  }
  return undefined
}

/** The actions of a token that lets a manifest be read and deleted, in the words of the service a challenge names. */
export function removeActions(service: string | undefined): string {
  const services = rows.filter((row) => 'tokenService' in row)
  return services.find(({ tokenService }) => tokenService.test(service ?? ''))!.removeActions
}

/** Is an item of a list of tags there by mistake? */
export function isNoTag(item: unknown): boolean {
  return rows.some((row) => 'isNoTag' in row && row.isNoTag(item))
}

/** Is the path of a next page one that is not served where the first page was? */
export function isMisplacedPage(path: string): boolean {
  return rows.some((row) => 'misplacedPage' in row && row.misplacedPage.test(path))
}
