import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ServerCertificate } from '@transload/peers'

import { freePort, startServer, type ConfiguredServer } from './configured-server.ts'

export interface NginxOptions {
  /** `HOST:PORT` of the registry behind it. */
  readonly upstream: string
  /** To end TLS here; absent: plain HTTP. */
  readonly certificate?: ServerCertificate
  /** Largest request body, as `client_max_body_size` has it. Default: any. */
  readonly maxBody?: string
  /** As in front of a mirror: nothing but reading. */
  readonly readOnly?: boolean
  /** What lies in there is served at `/files/`, which is not the registry's. */
  readonly files?: string
}

/** nginx in front of a registry. `folder` is made, for its files. */
export async function startNginx(folder: string, options: NginxOptions): Promise<ConfiguredServer> {
  const { upstream, certificate, maxBody = '0', readOnly = false, files } = options
  const port = await freePort()
  await mkdir(folder, { recursive: true })
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  const tls =
    certificate && `ssl_certificate ${certificate.certificatePath}; ssl_certificate_key ${certificate.keyPath};`
  const config = `
    user root; daemon off; pid ${folder}/pid; error_log stderr error; worker_processes 1;
    events {}
    http {
      access_log ${folder}/access.log; ${paths.join(' ')}
      server {
        listen 127.0.0.1:${port}${certificate ? ' ssl' : ''}; ${tls ?? ''}
        client_max_body_size ${maxBody};
        ${files === undefined ? '' : `location /files/ { alias ${files}/; }`}
        location / {
          ${readOnly ? 'limit_except GET { deny all; }' : ''}
          proxy_pass http://${upstream};
          proxy_http_version 1.1;
          proxy_request_buffering off;
          proxy_set_header Host $http_host;
          proxy_set_header X-Forwarded-Proto $scheme;
        }
      }
    }`
  const file = join(folder, 'nginx.conf')
  await writeFile(file, config)
  return await startServer('nginx', ['-c', file, '-e', 'stderr'], port)
}
