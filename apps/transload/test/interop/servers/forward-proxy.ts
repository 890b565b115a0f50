import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { freePort, startServer, type ConfiguredServer } from './configured-server.ts'

export interface ForwardProxy extends ConfiguredServer {
  /** The request lines it has seen since the last time. */
  seen(): Promise<readonly string[]>
}

export interface ProxyAccount {
  readonly username: string
  readonly password: string
}

/** tinyproxy, for those with the account, if there is one. `folder` is made, for its files. */
export async function startForwardProxy(folder: string, account?: ProxyAccount): Promise<ForwardProxy> {
  const port = await freePort()
  await mkdir(folder, { recursive: true })
  const [config, log] = [join(folder, 'tinyproxy.conf'), join(folder, 'tinyproxy.log')]
  const basic = account ? `BasicAuth ${account.username} ${account.password}\n` : ''
  await writeFile(config, `Port ${port}\nListen 127.0.0.1\nTimeout 60\nLogFile "${log}"\nLogLevel Connect\n${basic}`)
  const server = await startServer('tinyproxy', ['-d', '-c', config], port)
  let read = 0
  return {
    ...server,
    seen: async () => {
      const lines = (await readFile(log, 'utf8'))
        .split('\n')
        .filter((line) => line.includes('Request (file descriptor'))
      const fresh = lines.slice(read)
      read = lines.length
      return fresh.map((line) => line.replace(/^.*Request \(file descriptor \d+\): /, ''))
    },
  }
}
