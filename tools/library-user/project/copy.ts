import { copyImage, createPluginRegistry } from '@transload/core'
import ociTransport from '@transload/transport-oci'
import registryTransport from '@transload/transport-registry'

const [source = '', destination = ''] = process.argv.slice(2)
const registry = createPluginRegistry()
registry.transports.add('docker', registryTransport({ verifyTls: false }), 'library-user')
registry.transports.add('oci', ociTransport(), 'library-user')
const { digest } = await copyImage(await registry.locate(source), await registry.locate(destination))
console.log(digest)
