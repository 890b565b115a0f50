import type { Descriptor, Digest } from '@transload/contract'

/**
 * What happens during a copy, in order. `blob.digest` is the source's; `role` tells config from layer.
 */
export type TransferEvent =
  | {
      readonly type: 'planned'
      readonly images: number
      readonly blobs: number
      readonly bytes: number
      /** Images in the index that is copied; absent when one image is, even if it was chosen from an index. */
      readonly listed?: number
      /** Signatures of the index, or of the one image, that are carried over; absent: none. */
      readonly signatures?: number
      /** How each signature that is added to every image and index is made, in words; absent: none are. */
      readonly signers?: readonly string[]
    }
  | {
      /** Each image in its turn, at the latest before its first blob that no image before it has. */
      readonly type: 'image'
      readonly digest: Digest
      readonly index: number
      readonly count: number
      /** Those carried over; absent: none. */
      readonly signatures?: number
      /**
       * What it needs to have at the destination: its layers, as often as it names them, then the config. Those it
       * shares have one `blob` event for all.
       */
      readonly blobs: readonly { readonly role: 'config' | 'layer'; readonly digest: Digest }[]
    }
  | {
      readonly type: 'blob'
      readonly state: 'started' | 'moving' | 'copied' | 'reused'
      readonly role: 'config' | 'layer' | 'other'
      readonly blob: Descriptor
      /** So far, of `blob.size` as read from the source. */
      readonly bytes: number
      /** What it became at the destination; once it is `copied` or `reused`. */
      readonly stored?: Digest
    }
  | { readonly type: 'manifest'; readonly digest: Digest; readonly root: boolean; readonly list: boolean }
  | {
      /** A signature is about to be made: the `index`th of `count` of this manifest. May wait for a person. */
      readonly type: 'signing'
      readonly digest: Digest
      readonly root: boolean
      readonly list: boolean
      readonly method: string
      readonly index: number
      readonly count: number
    }
  | {
      /** All signatures of an index, or of an image that has any, carried over and new, are about to be stored. */
      readonly type: 'signatures'
      readonly digest: Digest
      readonly root: boolean
      readonly list: boolean
      readonly count: number
    }
  | {
      /** What refers to the image, or to another referrer, is about to be written: each in its turn, before the root. */
      readonly type: 'referrer'
      readonly digest: Digest
      readonly subject?: Digest
      readonly tags: readonly string[]
      readonly index: number
      readonly count: number
    }
  /** So many referrers, all there are, were found at the destination after the commit. */
  | { readonly type: 'verified'; readonly referrers: number }
  | { readonly type: 'done'; readonly digest: Digest }

/** Called synchronously, `moving` at most ten times a second for one blob. A sink that throws fails the copy. */
export type ProgressSink = (event: TransferEvent) => void
