import { isDigest, parseDigest, parseJsonObject, TransloadError, type Digest } from '@transload/contract'

/** One call of the protocol (image-proxy.md §2). */
export interface ProxyRequest {
  readonly method: string
  readonly args: readonly unknown[]
}

/** Throws USAGE `invalid request: …`. */
export function parseRequest(packet: Uint8Array): ProxyRequest {
  const { method = '', args } = parseJson(packet)
  if (typeof method !== 'string') throw usage('invalid request: method is not a string')
  if (args !== undefined && args !== null && !Array.isArray(args)) throw usage('invalid request: args is not a list')
  return { method, args: args ?? [] }
}

/** The only argument. */
export function soleArgument(args: readonly unknown[]): unknown {
  if (args.length !== 1) throw usage('invalid request, expecting one argument')
  return args[0]
}

export function imageNameArgument(value: unknown): string {
  if (typeof value !== 'string') throw usage(`expecting string imageref, not ${goType(value)}`)
  return value
}

/** A whole number; fractions are cut off. */
export function numberArgument(value: unknown): number {
  if (typeof value !== 'number') throw usage(`expecting numeric, not ${goType(value)}`)
  if (value > Number.MAX_SAFE_INTEGER) throw usage(`out of range integer for numeric ${value.toFixed(6)}`)
  return Math.trunc(value)
}

export function digestArgument(value: unknown): Digest {
  if (typeof value !== 'string') throw usage('expecting string blobid')
  return isDigest(value) ? value : parseDigest(value)
}

function parseJson(packet: Uint8Array): Record<string, unknown> {
  try {
    return parseJsonObject(packet, 'request', 'USAGE')
  } catch (cause) {
    throw usage(`invalid request: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function goType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'boolean') return 'bool'
  if (Array.isArray(value)) return '[]interface {}'
  return typeof value === 'string' ? 'string' : 'map[string]interface {}'
}

function usage(message: string): TransloadError {
  return new TransloadError('USAGE', message)
}
