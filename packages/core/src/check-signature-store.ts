import { displayText, referenceText, type StoredSignature } from '@transload/contract'

import type { SelectedImages } from './select-images.ts'
import type { CopySession } from './session.ts'
import { TransferError } from './transfer-error.ts'

/**
 * Asks the destination whether it can hold the signatures that are carried over and made, before anything is written.
 * Throws TransferError.
 */
export async function checkSignatureStore(
  { destination, options }: CopySession,
  { index, images }: SelectedImages,
): Promise<void> {
  const manifests = [...images, ...(index ? [index, ...index.nested] : [])]
  const carried = new Set(manifests.flatMap(({ signatures }) => signatures.map(({ kind }) => kind)))
  const made = new Set(options.signers.map(({ makes }) => makes).filter((kind) => kind !== 'bundle'))
  await check(carried, `Can not copy signatures to ${displayText(referenceText(destination.reference))}`)
  await check(made.difference(carried), 'writing signatures')

  async function check(kinds: ReadonlySet<StoredSignature['kind']>, what: string): Promise<void> {
    if (kinds.size === 0) return
    try {
      await destination.signatures?.check?.(kinds, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      throw new TransferError('destination', 'plan', what, error)
    }
  }
}
