import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { peer, type PeerName } from '@transload/peers'

export interface ConfiguredServer extends AsyncDisposable {
  readonly port: number
}

/** A port of the loopback interface that nobody listens on, for servers that do not choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a server that stays in the foreground, and waits until it answers. Disposing ends it. */
export async function startServer(name: PeerName, args: readonly string[], port: number): Promise<ConfiguredServer> {
  const child = spawn(peer(name).command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  while (!(await answers(port))) {
    if (hasEnded()) throw new Error(`${name} ended before it listened: ${said}`)
    await delay(20)
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      if (hasEnded()) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
