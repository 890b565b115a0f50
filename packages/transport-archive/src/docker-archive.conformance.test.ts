import { describeTransport } from '@transload/transport-conformance'

import dockerArchiveTransport from './docker-archive.ts'

describeTransport({
  create: dockerArchiveTransport,
  newReference: (n) => `archive-${n}.tar:example.com/image:${n}`,
  invalidReferences: ['', 'archive:', 'archive:@x', 'archive:@-1', 'archive:UPPER', 'nul\0'],
  rebuildsManifests: true,
})
