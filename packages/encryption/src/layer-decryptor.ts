import { TransloadError, type Descriptor, type LayerDecryptor, type OperationOptions } from '@transload/contract'

import { decodeBase64 } from './base64.ts'
import type { DecryptionKeys } from './decryption-keys.ts'
import { createJweUnwrapper } from './jwe.ts'
import { createKeyProviderUnwrapper } from './key-provider.ts'
import { publicOptionsAnnotation, wrappedKeyPrefix, type KeyUnwrapper } from './key-wrapper.ts'
import { layerDecipher, type PrivateOptions } from './layer-cipher.ts'
import { createPgpUnwrapper } from './pgp.ts'
import { createPkcs7Unwrapper } from './pkcs7.ts'

/** Decrypts layers that ocicrypt, or this package, encrypted. All `keys` are tried, and all key providers asked. */
export function createLayerDecryptor(keys: DecryptionKeys): LayerDecryptor {
  const unwrappers = unwrappersWith(keys)
  return {
    decryptLayer: async ({ annotations = {} }, operation) =>
      layerDecipher(await unwrap(unwrappers, annotations, operation), publicOptions(annotations)),
  }
}

function unwrappersWith(keys: DecryptionKeys): readonly KeyUnwrapper[] {
  const { privateKeys = [], certificates = [], pgp = [], providers = [] } = keys
  return [
    ...(privateKeys.length > 0
      ? [createJweUnwrapper(privateKeys), createPkcs7Unwrapper(privateKeys, certificates)]
      : []),
    ...(pgp.length > 0 ? [createPgpUnwrapper(pgp)] : []),
    ...providers.map(createKeyProviderUnwrapper),
  ]
}

/** Worded as ocicrypt does, with all that was tried. */
async function unwrap(
  unwrappers: readonly KeyUnwrapper[],
  annotations: NonNullable<Descriptor['annotations']>,
  operation: OperationOptions | undefined,
): Promise<PrivateOptions> {
  let problems = ''
  let hadPrivateKey = false
  for (const unwrapper of unwrappers) {
    const wrapped = annotations[wrappedKeyPrefix + unwrapper.scheme]
    if (!wrapped) continue
    hadPrivateKey ||= unwrapper.holdsPrivateKeys
    const found = await unwrapAny(unwrapper, wrapped, operation)
    if (typeof found !== 'string') return found
    problems += `${found}\n`
  }
  const what = hadPrivateKey
    ? 'no suitable key unwrapper found or none of the private keys could be used for decryption'
    : 'missing private key needed for decryption'
  throw new TransloadError('DECRYPTION_FAILED', `${what}:\n${problems}`)
}

/** What one of the keys joined by commas in an annotation unwraps to, or why none does. */
async function unwrapAny(
  unwrapper: KeyUnwrapper,
  wrapped: string,
  operation: OperationOptions | undefined,
): Promise<PrivateOptions | string> {
  let problems = ''
  for (const part of wrapped.split(',')) {
    const bytes = decodeBase64(part)
    if (!bytes) return 'could not base64 decode the annotation'
    try {
      return await unwrapper.unwrap(bytes, operation)
    } catch (error) {
      operation?.signal?.throwIfAborted()
      problems += `- ${error instanceof Error ? error.message : String(error)}\n`
    }
  }
  return `no suitable key found for decrypting layer key:\n${problems}`
}

function publicOptions(annotations: NonNullable<Descriptor['annotations']>): Uint8Array {
  const bytes = decodeBase64(annotations[publicOptionsAnnotation] || 'e30=')
  if (bytes) return bytes
  throw new TransloadError('DECRYPTION_FAILED', `the annotation ${publicOptionsAnnotation} is not base64`)
}
