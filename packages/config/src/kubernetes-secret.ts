import { parseJsonObject, TransloadError } from '@transload/contract'

/** The credential file in a Secret. */
export interface SecretContent {
  readonly text: string
  /** It is a `.dockercfg`. */
  readonly legacy: boolean
}

/**
 * The credential file in `text`, if that is a Secret of Kubernetes or a List of them, in JSON or YAML, as
 * `kubectl get secret -o yaml` prints it; undefined if it is anything else. Throws CONFIG_INVALID unless it has exactly
 * one Secret of the type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg.
 */
export async function readSecret(text: string, path: string): Promise<SecretContent | undefined> {
  if (!mayBeSecret.test(text)) return undefined
  const secrets = (await parseDocuments(text, path)).flatMap(secretsIn)
  const usable = secrets.filter((secret) => keyOf(secret) !== undefined)
  const [secret] = usable
  if (!secret) throw invalid(path, describeUseless(secrets), `Its type must be ${Object.keys(keys).join(' or ')}.`)
  if (usable.length > 1) {
    const names = usable.map(nameOf).join(', ')
    throw invalid(
      path,
      `has ${usable.length} Secrets with registry credentials: ${names}`,
      'Leave only one in the file.',
    )
  }
  const key = keyOf(secret)!
  return { text: readValue(secret, key, path), legacy: key === '.dockercfg' }
}

type Json = Readonly<Record<string, unknown>>

/** `kind: Secret` on a line of its own, or in JSON: only then is it worth loading a parser. */
const mayBeSecret = /(?:^\s*|[{,]\s*)["']?kind["']?\s*:\s*["']?(?:Secret|SecretList|List)\b/m

/** Type of a Secret → the member of its data with the file. */
const keys: Readonly<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
}

async function parseDocuments(text: string, path: string): Promise<readonly unknown[]> {
  if (/^\s*\{/.test(text)) return [parseJsonObject(text, path, 'CONFIG_INVALID')]
  const { parseAllDocuments } = await import('yaml')
  const documents = parseAllDocuments(text)
  if (!Array.isArray(documents)) return []
  return documents.map((document) => {
    const [error] = document.errors
    if (error) throw invalidYaml(path, error)
    try {
      return document.toJS() as unknown
    } catch (cause) {
      // Aliases of nothing, or of too much.
      throw invalidYaml(path, cause as Error)
    }
  })
}

function secretsIn(document: unknown): readonly Json[] {
  if (!isObject(document)) return []
  if (document['kind'] === 'Secret') return [document]
  const items: unknown = document['items']
  return Array.isArray(items) ? items.flatMap(secretsIn) : []
}

/** Undefined for a Secret of something else. Without a type the data tells. */
function keyOf(secret: Json): string | undefined {
  const type = secret['type']
  if (typeof type === 'string') return Object.hasOwn(keys, type) ? keys[type] : undefined
  const named = { ...object(secret['data']), ...object(secret['stringData']) }
  return Object.values(keys).find((key) => Object.hasOwn(named, key))
}

/** `stringData` is text and beats `data`, which is base64. */
function readValue(secret: Json, key: string, path: string): string {
  const plain = object(secret['stringData'])[key]
  if (typeof plain === 'string') return plain
  const encoded = object(secret['data'])[key]
  if (typeof encoded === 'string') {
    const base64 = encoded.replaceAll(/\s/g, '')
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return Buffer.from(base64, 'base64').toString('utf8')
    throw invalid(path, `${key} of Secret ${nameOf(secret)} is not base64`)
  }
  throw invalid(path, `Secret ${nameOf(secret)} has no ${key} in its data`)
}

function describeUseless(secrets: readonly Json[]): string {
  const [first, second] = secrets
  if (!first) return 'has no Secret'
  if (second) return 'has no Secret with registry credentials'
  const { type } = first
  return `Secret ${nameOf(first)} has the type ${JSON.stringify(typeof type === 'string' ? type : 'Opaque')}, which is not for registry credentials`
}

function nameOf(secret: Json): string {
  const name = object(secret['metadata'])['name']
  return typeof name === 'string' ? name : 'without a name'
}

function object(value: unknown): Json {
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalidYaml(path: string, { message }: Error): TransloadError {
  return invalid(path, `is not valid YAML: ${message.split('\n', 1)[0]}`)
}

function invalid(path: string, problem: string, hint?: string): TransloadError {
  return new TransloadError('CONFIG_INVALID', `${path}: ${problem}`, { hint })
}
