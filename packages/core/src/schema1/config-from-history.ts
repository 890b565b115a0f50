import { encodeJson, parseJsonObject, type Schema1Layer } from '@transload/contract'

import { isJsonObject, type JsonObject } from '../json-object.ts'
import { createdTime } from './created-time.ts'
import { encodeMembers, parseMembers } from './json-members.ts'
import { reencodedConfig } from './reencoded-config.ts'

/** Members that exist in schema 1 only. */
const dropped = ['id', 'parent', 'parent_id', 'layer_id', 'throwaway', 'Size']

/**
 * The Docker image config that the history of a schema 1 image amounts to (copy-engine.md §6.2), byte for byte as the
 * field's tools make it: the newest entry's members, and `rootfs` and `history`. `layers` are base first, `diffIds`
 * those of the layers that are not thrown away. Throws MANIFEST_INVALID.
 */
export function configFromHistory(layers: readonly Schema1Layer[], diffIds: readonly string[]): Uint8Array {
  const subject = 'configuration in v2s1 history'
  const text = layers.at(-1)!.v1Compatibility
  const newest = parseJsonObject(text, subject)
  const members = parseMembers(isFromBefore183(newest) ? encodeJson(reencodedConfig(newest)) : text, subject)
  for (const name of dropped) members.delete(name)
  members.set('rootfs', encodeJson({ type: 'layers', diff_ids: diffIds.length > 0 ? diffIds : undefined }))
  members.set('history', encodeJson(layers.map(historyEntry)))
  return Buffer.from(encodeMembers(members))
}

function historyEntry({ v1Compatibility, isThrowaway }: Schema1Layer): JsonObject {
  const image = parseJsonObject(v1Compatibility, 'v2s1 history entry')
  const { Cmd: command } = isJsonObject(image['container_config']) ? image['container_config'] : {}
  return {
    created: createdTime(image['created']),
    author: image['author'] || undefined,
    created_by:
      (Array.isArray(command) ? command.filter((word) => typeof word === 'string').join(' ') : '') || undefined,
    comment: image['comment'] || undefined,
    empty_layer: isThrowaway || undefined,
  }
}

/** Docker wrote fewer members until that version. */
function isFromBefore183({ docker_version: version }: JsonObject): boolean {
  if (typeof version !== 'string' || version === '') return false
  const numbers = version.split('.').map((part) => (/^[+-]?\d+$/.test(part) ? Number(part) : 0))
  const [first, ...rest] = [1, 8, 3].map((wanted, index) => (numbers[index] ?? 0) - wanted)
  return ([first!, ...rest].find((difference) => difference !== 0) ?? 0) < 0
}
