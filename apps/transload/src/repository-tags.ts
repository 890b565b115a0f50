import { TransloadError, type HttpError } from '@transload/contract'
import type { Located } from '@transload/core'

import type { CommandContext } from './context.ts'
import { causes } from './exit-code.ts'
import { openOptions } from './open-options.ts'
import { prefixError } from './prefix-error.ts'

/** The tags beside an image, being listed while something else is read. Disposing ends that. */
export interface TagListing extends Disposable {
  /**
   * In the registry's order; null if it does not tell. Not retried, but begun anew if it has failed and `isLate`: the
   * image could not be read at first either.
   */
  read(isLate: boolean): Promise<readonly string[] | null>
}

/** Starts at once: a listing costs a round trip that way only if it takes longer than what is read meanwhile. */
export function startTagListing(located: Located, context: CommandContext): TagListing {
  const abandoned = new AbortController()
  const signal = AbortSignal.any([context.signal, abandoned.signal])
  const first = settle(listTags(located, { ...context, signal }))
  return {
    read: async (isLate) => {
      const early = await first
      const { tags, error } = isLate && !early.tags ? await settle(listTags(located, context)) : early
      if (tags) return tags
      if (!refusesListing(error)) throw prefixError('Error determining repository tags', error)
      context.log('warn', 'Registry disallows tag list retrieval; skipping')
      return null
    },
    [Symbol.dispose]: () => abandoned.abort(),
  }
}

interface Settled {
  readonly tags?: readonly string[]
  readonly error?: unknown
}

async function settle(listing: Promise<readonly string[]>): Promise<Settled> {
  try {
    return { tags: await listing }
  } catch (error) {
    return { error }
  }
}

async function listTags({ transport, reference }: Located, context: CommandContext): Promise<readonly string[]> {
  if (transport.scheme !== 'docker' || !transport.listTags) return []
  return await Array.fromAsync(transport.listTags(reference, openOptions(context)))
}

function refusesListing(error: unknown): boolean {
  return causes(error).some((cause) => {
    if (!TransloadError.is(cause)) return false
    const { serverCodes = [] } = cause as Partial<HttpError>
    return serverCodes.includes('DENIED') || cause.message.endsWith('404 page not found')
  })
}
