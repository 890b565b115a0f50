import { displayJson, TransloadError } from '@transload/contract'

import { goTimestamp } from '../go-time.ts'

/** What a time is that was never set. */
const zeroTime = '0001-01-01T00:00:00Z'

/** RFC 3339 as Go writes it. Throws MANIFEST_INVALID. */
export function createdTime(value: unknown): string {
  if (value === undefined || value === null) return zeroTime
  const time = typeof value === 'string' ? goTimestamp(value) : undefined
  if (time === undefined) throw new TransloadError('MANIFEST_INVALID', `invalid time ${displayJson(value)}`)
  return time
}
