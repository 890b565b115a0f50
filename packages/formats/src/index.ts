export { DirectoryTree, type DirectoryTreeOptions, type StagedFile, type StageOptions } from './directory-tree.ts'
export { makeDirectory } from './make-directory.ts'
export { lockFile, type LockOptions } from './file-lock.ts'
export { checkTreePath, type ReadableTree, type ReadRange } from './file-tree.ts'
export { pathPolicyScopes, resolveImagePath } from './image-path.ts'
export {
  emptyOciIndex,
  encodeOciIndex,
  parseOciIndex,
  refNameAnnotation,
  refNameOf,
  withManifest,
  type OciIndex,
  type OciIndexEntry,
} from './oci-index.ts'
export { OciLayout, ReadableOciLayout, type LockedIndex } from './oci-layout.ts'
export { chooseOciEntry, type OciImageChoice } from './choose-oci-entry.ts'
export { openOciImageSource, type ForeignLayerReader, type OciImageSourceOptions } from './oci-image-source.ts'
export { ociTraits, readOciLayerOptions, type OciLayerOptions } from './oci-layer-options.ts'
export { withCosignKinds } from './cosign-layout.ts'
export { OciCompanions } from './oci-companions.ts'
export { withCompanions, type OciCompanion } from './oci-referrers.ts'
export { encodeSignatureFile, parseSignatureFile } from './signature-file.ts'
export { compressionMagicBytes, decompressor, detectCompression, type Compression } from './compression.ts'
export { isOciImageName, splitPathAndImage } from './oci-image-name.ts'
export { chooseSavedImage, readSavedImages, type SavedImage, type SavedImageChoice } from './saved-image.ts'
export { readSavedImageContent, type SavedImageContent } from './saved-image-content.ts'
export { SavedImageWriter, type NewLayer, type NewSavedImage } from './saved-image-writer.ts'
export { isTemporaryName, temporaryName } from './temporary-name.ts'
export { TarFileWriter } from './tar-file-writer.ts'
export { TarStreamWriter } from './tar-stream-writer.ts'
export { TarTree, type OpenTarOptions } from './tar-tree.ts'
export type { NewTarFile, TarWriter, TarWriterOptions } from './tar-writer.ts'
export { openMadeImageSource, type MadeImage, type MadeLayer } from './made-image-source.ts'
export { readFileRange } from './file-range.ts'
export { spool, type SpoolFile, type SpoolOptions } from './spool-file.ts'
export { encodeGzip } from './gzip-encoding.ts'
export { encodeZstd } from './zstd-encoding.ts'
export { createCrc64, type Crc64 } from './crc64.ts'
export { TarSplitWriter } from './tar-split-writer.ts'
export { walkTar, type TarPiece, type TarPieceEnd, type TarPieceEntry } from './tar-walk.ts'
export type { TarEntryHeader, TarTime } from './tar-entry.ts'
export { createZstdChunkedEncoder, zstdChunkedAnnotations, type ZstdChunkedEncoder } from './zstd-chunked.ts'
