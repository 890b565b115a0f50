import { createHash } from 'node:crypto'

import {
  digestHex,
  encodeJson,
  mediaTypes,
  parseJsonObject,
  TransloadError,
  type Digest,
  type Schema1Layer,
} from '@transload/contract'

import { isJsonObject, type JsonObject } from '../json-object.ts'
import { createdTime } from './created-time.ts'
import { emptyLayer } from './empty-layer.ts'
import { encodeMembers, parseMembers } from './json-members.ts'

/** An image's history in schema 1: layers base first, and of each that is no empty one its place among the image's layers. */
export interface MadeHistory {
  readonly architecture: string
  readonly layers: readonly (Schema1Layer & { readonly position: number | undefined })[]
}

/**
 * The schema 1 history that an image config and the digests of its layers amount to (copy-engine.md §6.2), with the IDs
 * Docker makes of them: the whole configuration goes to the newest entry. Layers that the config has no history of are
 * left out. Throws CONVERSION_IMPOSSIBLE, and MANIFEST_INVALID for a config that cannot be parsed.
 */
export function historyFromConfig(config: Uint8Array, digests: readonly Digest[]): MadeHistory {
  const subject = 'image config'
  const json = parseJsonObject(config, subject)
  const history = (Array.isArray(json['history']) ? (json['history'] as unknown[]) : []).map((entry) =>
    isJsonObject(entry) ? entry : {},
  )
  if (history.length === 0) {
    const problem = `Cannot convert an image with 0 history entries to ${mediaTypes.dockerSchema1Signed}`
    throw new TransloadError('CONVERSION_IMPOSSIBLE', problem)
  }
  const layers: (Schema1Layer & { readonly position: number | undefined })[] = []
  let position = 0
  let parent = ''
  for (const [index, entry] of history.entries()) {
    const isThrowaway = entry['empty_layer'] === true
    const digest = isThrowaway ? emptyLayer.digest : digests[position]
    if (digest === undefined) {
      const problem = `Invalid image configuration, needs more than the ${digests.length} distributed layers`
      throw new TransloadError('CONVERSION_IMPOSSIBLE', problem)
    }
    const isNewest = index === history.length - 1
    const id = imageId(digest, parent, ...(isNewest ? [Buffer.from(config).toString()] : []))
    const v1Compatibility = isNewest
      ? newestImage(config, { id, parent, isThrowaway })
      : olderImage(entry, { id, parent, isThrowaway })
    layers.push({ digest, isThrowaway, v1Compatibility, position: isThrowaway ? undefined : position++ })
    parent = id
  }
  return { architecture: typeof json['architecture'] === 'string' ? json['architecture'] : '', layers }
}

interface ChainLink {
  readonly id: string
  readonly parent: string
  readonly isThrowaway: boolean
}

function olderImage(entry: JsonObject, { id, parent, isThrowaway }: ChainLink): string {
  return encodeJson({
    id,
    parent: parent || undefined,
    comment: entry['comment'] || undefined,
    created: createdTime(entry['created']),
    container_config: { Cmd: [entry['created_by'] ?? ''] },
    author: entry['author'] || undefined,
    throwaway: isThrowaway || undefined,
  })
}

function newestImage(config: Uint8Array, { id, parent, isThrowaway }: ChainLink): string {
  const members = parseMembers(Buffer.from(config).toString(), 'image config')
  members.delete('rootfs')
  members.delete('history')
  members.set('id', JSON.stringify(id))
  if (parent !== '') members.set('parent', JSON.stringify(parent))
  if (isThrowaway) members.set('throwaway', 'true')
  return encodeMembers(members)
}

function imageId(layer: Digest, ...others: readonly string[]): string {
  return createHash('sha256')
    .update([digestHex(layer), ...others].join(' '))
    .digest('hex')
}
