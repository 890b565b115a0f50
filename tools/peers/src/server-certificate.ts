import { join } from 'node:path'

import { textOf } from './process-output.ts'

export interface ServerCertificate {
  readonly certificatePath: string
  readonly keyPath: string
}

/**
 * Makes `certificate.pem`, signed by itself, and `key.pem` in `directory`: for localhost, 127.0.0.1, `address`, and for
 * 0.0.0.0, where the same servers answer but which is no loopback address to proxy settings.
 */
export async function writeCertificate(directory: string, address = '127.0.0.1'): Promise<ServerCertificate> {
  const [certificatePath, keyPath] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  const alternatives = `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:0.0.0.0,IP:${address}`
  const names = ['-subj', '/CN=localhost', '-addext', alternatives]
  await textOf('openssl', [...request, ...names, '-keyout', keyPath, '-out', certificatePath])
  return { certificatePath, keyPath }
}
