import { displayText, referrerDescriptor, type Digest, type RawManifest } from '@transload/contract'

export interface NamedReferrer {
  readonly raw: RawManifest
  readonly subject?: Digest | undefined
  readonly tags: readonly string[]
}

/** Some referrers for a message, and how many more there are. Parts of others are not named. */
export function listSome(referrers: readonly NamedReferrer[]): string {
  const texts = referrers.flatMap(({ raw, subject, tags }) => [
    ...tags,
    ...(subject === undefined ? [] : [`${raw.digest} (${typeOf(raw)}, of ${subject})`]),
  ])
  const shown = texts.slice(0, mostShown).join(', ')
  return texts.length > mostShown ? `${shown} and ${texts.length - mostShown} more` : shown
}

const mostShown = 10

function typeOf(raw: RawManifest): string {
  return displayText(referrerDescriptor(raw).artifactType ?? raw.mediaType, 100)
}
