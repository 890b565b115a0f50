import { describeTransport } from '@transload/transport-conformance'

import ociArchiveTransport from './oci-archive.ts'

describeTransport({
  create: ociArchiveTransport,
  newReference: (n) => `archive-${n}.tar:image-${n}`,
  invalidReferences: ['', 'archive:-', 'archive:a b', 'archive:@0', 'nul\0'],
})
