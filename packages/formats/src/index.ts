export { DirectoryTree, type DirectoryTreeOptions } from './directory-tree.ts'
export {
  checkTreePath,
  type ReadableTree,
  type ReadRange,
  type StagedFile,
  type StageOptions,
  type WritableTree,
} from './file-tree.ts'
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
