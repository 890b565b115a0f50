import type { Descriptor, Digest } from '@transload/contract'

/**
 * What happens during a copy, in order. `blob.digest` is the source's; `role` tells config from layer.
 * `signatures` and the `image` events are what skopeo prints as lines of its own.
 */
export type TransferEvent =
  | {
      readonly type: 'planned'
      readonly images: number
      readonly blobs: number
      readonly bytes: number
      /** Images in the index that is copied; absent when one image is, even if it was chosen from an index. */
      readonly listed?: number
    }
  | { readonly type: 'image'; readonly digest: Digest; readonly index: number; readonly count: number }
  | {
      readonly type: 'blob'
      readonly state: 'started' | 'moving' | 'copied' | 'reused'
      readonly role: 'config' | 'layer' | 'other'
      readonly blob: Descriptor
      /** So far, of `blob.size` as read from the source. */
      readonly bytes: number
    }
  | { readonly type: 'manifest'; readonly digest: Digest; readonly root: boolean; readonly list: boolean }
  | { readonly type: 'done'; readonly digest: Digest }

/** Called synchronously, `moving` at most ten times a second for one blob. A sink that throws fails the copy. */
export type ProgressSink = (event: TransferEvent) => void
