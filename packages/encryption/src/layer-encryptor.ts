import { TransloadError, type Descriptor, type LayerEncryptor } from '@transload/contract'

import { createJweWrapper } from './jwe.ts'
import { createKeyProviderWrapper } from './key-provider.ts'
import { publicOptionsAnnotation, wrappedKeyPrefix, type KeyWrapper } from './key-wrapper.ts'
import { createLayerCipher } from './layer-cipher.ts'
import { createPgpWrapper } from './pgp.ts'
import { createPkcs7Wrapper } from './pkcs7.ts'
import type { Recipients } from './recipients.ts'

/**
 * Encrypts each layer with a key of its own, wrapped for all of `recipients`, as ocicrypt does. Its errors are
 * CONFIG_INVALID for keys that cannot be used. Throws CONFIG_INVALID if there is no recipient.
 */
export function createLayerEncryptor(recipients: Recipients): LayerEncryptor {
  const wrappers = wrappersFor(recipients)
  if (wrappers.length === 0) throw new TransloadError('CONFIG_INVALID', 'no recipient to encrypt for')
  return {
    encryptLayer: async ({ digest, annotations = {} }, operation) => {
      const cipher = createLayerCipher(digest)
      const wrapped: Record<string, string> = {}
      for (const wrapper of wrappers) {
        const key = Buffer.from(await wrapper.wrap(cipher.privateOptions, operation)).toString('base64')
        wrapped[wrappedKeyPrefix + wrapper.scheme] = key
      }
      rejectLeftovers(annotations)
      return {
        stage: cipher.encrypt,
        annotations: () => ({
          ...wrapped,
          [publicOptionsAnnotation]: Buffer.from(cipher.publicOptions()).toString('base64'),
        }),
      }
    },
  }
}

function wrappersFor({ jwe, pgp, pkcs7, providers }: Recipients): readonly KeyWrapper[] {
  return [
    ...(jwe && jwe.length > 0 ? [createJweWrapper(jwe)] : []),
    ...(pgp ? [createPgpWrapper(pgp)] : []),
    ...(pkcs7 && pkcs7.length > 0 ? [createPkcs7Wrapper(pkcs7)] : []),
    ...(providers ?? []).map(createKeyProviderWrapper),
  ]
}

/** A plain layer that says it has keys: adding ours would leave a layer whose keys are not its own. */
function rejectLeftovers(annotations: NonNullable<Descriptor['annotations']>): void {
  const leftover = Object.keys(annotations).find((name) => name.startsWith(wrappedKeyPrefix))
  if (leftover === undefined) return
  throw new TransloadError('MANIFEST_INVALID', `a layer that is not encrypted has the annotation ${leftover}`)
}
