import type { Descriptor } from './manifest.ts'
import type { OperationOptions } from './options.ts'
import type { Stage } from './streams.ts'

/** Annotations of an encrypted layer start with this; decrypting removes them (ocicrypt). */
export const encryptionAnnotationPrefix = 'org.opencontainers.image.enc'

/** Encrypts layers for the recipients it was made for. Methods may be called concurrently. */
export interface LayerEncryptor {
  /** New keys for one layer, wrapped for every recipient before a byte flows. `layer` is as the source describes it. */
  encryptLayer(layer: Descriptor, options?: OperationOptions): Promise<LayerEncryption>
}

/** One layer being encrypted. */
export interface LayerEncryption {
  /** Used once. */
  readonly stage: Stage
  /** What the encrypted layer's descriptor has to carry; only after the stage ended. */
  annotations(): Readonly<Record<string, string>>
}

/** Decrypts layers with the keys it was made with. Methods may be called concurrently. */
export interface LayerDecryptor {
  /**
   * Finds the key of a layer by its annotations. Throws DECRYPTION_FAILED if there is none. The stage, used once,
   * throws DECRYPTION_FAILED after the last byte if the layer is not what was encrypted: nothing of it may be kept.
   */
  decryptLayer(layer: Descriptor, options?: OperationOptions): Promise<Stage>
}
