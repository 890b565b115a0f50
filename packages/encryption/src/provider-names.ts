import { TransloadError } from '@transload/contract'

import type { KeyAccess } from './key-access.ts'
import type { KeyProvider } from './key-provider.ts'

/** What ocicrypt tells a provider of which nothing but the name was said. */
const noArgument = 'Enabled'

/** From `NAME[:ARGUMENT]`s, each provider once. Throws CONFIG_INVALID for providers that are not configured. */
export function parseProviders(texts: readonly string[], { keyProviders = {} }: KeyAccess): readonly KeyProvider[] {
  const parameters = new Map<string, string[]>()
  for (const text of texts) {
    const [, name = text, argument = noArgument] = /^([^:]+):(.*)$/s.exec(text) ?? []
    parameters.set(name, [...(parameters.get(name) ?? []), argument])
  }
  return [...parameters].map(([name, list]) => {
    const call = Object.hasOwn(keyProviders, name) ? keyProviders[name] : undefined
    if (call) return { name, call, parameters: list }
    throw new TransloadError('CONFIG_INVALID', `key provider ${JSON.stringify(name)} is not configured`, {
      hint: 'OCICRYPT_KEYPROVIDER_CONFIG names the file that says how key providers are run.',
    })
  })
}
