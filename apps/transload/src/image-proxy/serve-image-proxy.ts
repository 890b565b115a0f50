import { TransloadError } from '@transload/contract'

import { maxPacketBytes, type PacketSocket } from './packet-socket.ts'
import { ProxySession, type ProxyHost } from './proxy-session.ts'
import { failurePacket, successPacket } from './reply.ts'
import { parseRequest, type ProxyRequest } from './request.ts'

/**
 * Answers the requests that come over `socket`, one after another, until the client says Shutdown or closes it. An
 * abort of `signal` ends it too. Throws IO when the socket fails.
 */
export async function serveImageProxy(socket: PacketSocket, host: ProxyHost, signal: AbortSignal): Promise<void> {
  await using session = new ProxySession(host, socket, signal)
  const wakeUp = (): void => {
    socket.shutdown()
    void session[Symbol.asyncDispose]()
  }
  signal.addEventListener('abort', wakeUp)
  try {
    while (!signal.aborted) {
      const packet = await socket.receive()
      if (!packet) break
      const isShutdown = await answerPacket(packet, session, socket)
      if (isShutdown) break
    }
  } finally {
    signal.removeEventListener('abort', wakeUp)
    // Whatever failed because of it says nothing.
    signal.throwIfAborted()
  }
}

/** True for a shutdown, which has no reply. */
async function answerPacket(packet: Uint8Array, session: ProxySession, socket: PacketSocket): Promise<boolean> {
  let request: ProxyRequest
  try {
    request = parseRequest(packet)
    if (request.method === 'Shutdown') return true
    const { descriptors = [], ...answer } = await session.answer(request)
    await socket.send(shortEnough(successPacket(answer)), descriptors)
  } catch (error) {
    if (TransloadError.is(error, 'IO') && error.message.startsWith('writing to socket')) throw error
    await socket.send(failurePacket(error), [])
  }
  return false
}

function shortEnough(packet: string): string {
  if (Buffer.byteLength(packet) <= maxPacketBytes) return packet
  throw new TransloadError('SIZE_LIMIT', `the reply does not fit into ${maxPacketBytes} bytes`)
}
