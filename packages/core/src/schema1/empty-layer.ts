import { parseDigest } from '@transload/contract'

/** An empty tar, gzipped: the very bytes every tool uses for layers without content (formats.md §5.5). */
export const emptyLayer = {
  bytes: Buffer.from('1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000', 'hex'),
  digest: parseDigest('sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4'),
}
