export { addPlugin, type AddPluginOptions } from './add-plugin.ts'
export { copyImage } from './copy.ts'
export type { CompressionFormat, CopyOptions, CopyResult, ManifestFormat } from './copy-options.ts'
export type {
  BlobEdit,
  CopyPlan,
  LayerEncoding,
  PlannedBlob,
  PlannedImage,
  PlannedIndex,
  PlannedManifest,
  PlannedReferrer,
  PlannedSignatures,
} from './copy-plan.ts'
export { defaultPlatform } from './default-platform.ts'
export { eventStream } from './event-stream.ts'
export type { LazyTable } from './lazy-table.ts'
export { platformText, type ImageSelection, type SomeImages } from './image-selection.ts'
export { openFileBlobInfoCache, type FileBlobInfoCacheOptions } from './file-blob-info-cache.ts'
export { createMemoryBlobInfoCache } from './memory-blob-info-cache.ts'
export { goTimestamp } from './go-time.ts'
export { openImage, type ReadableImage, type ReadOptions, type Referrer } from './open-image.ts'
export { createPluginRegistry, type Located, type PluginRegistry } from './plugin-registry.ts'
export type { ProgressSink, TransferEvent } from './progress.ts'
export { chooseInstance } from './select-instance.ts'
export { TransferError } from './transfer-error.ts'
export { createTrustPolicy, type TrustPolicyOptions } from './trust/trust-policy.ts'
export { TrustError } from './trust/trust-error.ts'
export { createVerification, type Verification } from './verification.ts'
