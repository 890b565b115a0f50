import { TransloadError } from '@transload/contract'

/** Keyed things that load on first use. */
export interface LazyTable<T> {
  /** Throws PLUGIN_CONFLICT, naming both origins, for a key that is there already. `origin`: who adds it, for messages. */
  add(key: string, value: T, origin: string): void
  /** As `add`; `load` runs at the first `get` of the key, and again if it failed. */
  addLazy(key: string, load: () => Promise<T>, origin: string): void
  /** Throws PLUGIN_UNKNOWN, and whatever loading throws. */
  get(key: string): Promise<T>
  has(key: string): boolean
  /** In the order they were added. */
  keys(): readonly string[]
}

/** `kind` names the things in messages: `transport`. */
export function createLazyTable<T>(kind: string): LazyTable<T> {
  const entries = new Map<string, { readonly load: () => Promise<T>; readonly origin: string }>()

  const addLazy: LazyTable<T>['addLazy'] = (key, load, origin) => {
    const present = entries.get(key)
    if (present) {
      throw new TransloadError(
        'PLUGIN_CONFLICT',
        `${kind} "${key}" of ${origin} is already there from ${present.origin}`,
      )
    }
    entries.set(key, { load: shareFlight(load), origin })
  }

  return {
    add: (key, value, origin) => addLazy(key, () => Promise.resolve(value), origin),
    addLazy,
    get: async (key) => {
      const entry = entries.get(key)
      if (!entry) {
        throw new TransloadError('PLUGIN_UNKNOWN', `unknown ${kind} "${key}"`, {
          hint: entries.size > 0 ? `Known: ${[...entries.keys()].join(', ')}.` : undefined,
        })
      }
      return await entry.load()
    },
    has: (key) => entries.has(key),
    keys: () => [...entries.keys()],
  }
}

/** Runs once for all callers; a failure is forgotten, so that the next call tries again. */
function shareFlight<T>(load: () => Promise<T>): () => Promise<T> {
  let flight: Promise<T> | undefined
  return () =>
    (flight ??= load().catch((error: unknown) => {
      flight = undefined
      throw error
    }))
}
