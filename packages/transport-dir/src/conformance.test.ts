import { describeTransport } from '@transload/transport-conformance'

import dirTransport from './index.ts'

describeTransport({
  create: dirTransport,
  newReference: (n) => `image-${n}`,
  invalidReferences: ['nul\0'],
})
