import { TransloadError, type ImageReference, type Signer, type Transport, type Verifier } from '@transload/contract'

import { createLazyTable, type LazyTable } from './lazy-table.ts'

/** An image name, understood: what `copyImage` takes. */
export interface Located {
  readonly transport: Transport
  readonly reference: ImageReference
}

/** An instance, never a global: two registries in one process do not know each other. */
export interface PluginRegistry {
  readonly transports: LazyTable<Transport>
  readonly signers: LazyTable<(options: unknown) => Promise<Signer>>
  readonly verifiers: LazyTable<(options: unknown) => Promise<Verifier>>
  /**
   * `scheme:text` → its transport, loaded, and the parsed reference. Relative paths are relative to `directory`,
   * by default the process's working directory. Throws REFERENCE_INVALID, and whatever loading the transport throws.
   */
  locate(text: string, options?: { readonly directory?: string | undefined }): Promise<Located>
}

export function createPluginRegistry(): PluginRegistry {
  const transports = createLazyTable<Transport>('transport')
  return {
    transports,
    signers: createLazyTable('signer'),
    verifiers: createLazyTable('verifier'),
    locate: async (text, options) => {
      const scheme = readScheme(text, transports)
      const transport = await transports.get(scheme)
      return { transport, reference: transport.parse(text.slice(scheme.length + 1), options?.directory ?? '.') }
    },
  }
}

/** references.md §2: split at the first colon; scripts match these texts. */
function readScheme(text: string, transports: LazyTable<Transport>): string {
  const colon = text.indexOf(':')
  if (colon < 0) {
    throw new TransloadError(
      'REFERENCE_INVALID',
      `Invalid image name "${text}", expected colon-separated transport:reference`,
      { hint: `Known transports: ${transports.keys().join(', ')}.` },
    )
  }
  const scheme = text.slice(0, colon)
  if (!transports.has(scheme)) {
    throw new TransloadError('REFERENCE_INVALID', `Invalid image name "${text}", unknown transport "${scheme}"`, {
      hint: `Known transports: ${transports.keys().join(', ')}.`,
    })
  }
  return scheme
}
