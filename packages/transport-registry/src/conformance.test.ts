import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { startRegistryServer } from '@transload/registry-server'
import { describeTransport } from '@transload/transport-conformance'

import { registryTransport } from './index.ts'

const root = await mkdtemp('/tmp/transport-registry-conformance-')
const server = await startRegistryServer({ directory: join(root, 'registry') })

describeTransport({
  create: () =>
    registryTransport({
      verifyTls: false,
      signatureStorage: async () => ({
        lookaside: pathToFileURL(join(root, 'lookaside')).href,
        useSigstoreAttachments: true,
      }),
    }),
  newReference: (n) => `//${server.host}/conformance/image-${n}:latest`,
  invalidReferences: [
    '',
    'host/name',
    '//',
    '//Host/Name',
    '//host/name@sha256:12',
    '//host/name:tag@@unknown-digest@@',
  ],
  cleanup: async () => {
    await server.close()
    await rm(root, { recursive: true })
  },
})
