import { closeSync, fstatSync, read } from 'node:fs'
import { promisify } from 'node:util'

import { systemErrorCode, TransloadError } from '@transload/contract'

import { loadLibc, type Libc } from './libc.ts'

/** A connected Unix socket that keeps the borders of messages (`SOCK_SEQPACKET`) and can pass descriptors. */
export interface PacketSocket {
  /** The next packet, cut off at 32 KiB; undefined when the other side has closed the socket or `shutdown` was called. */
  receive(): Promise<Buffer | undefined>
  /** One packet, with copies of `descriptors` for the other side: ours are closed in any case. */
  send(packet: string, descriptors: readonly number[]): Promise<void>
  /** A pipe; both ends are the caller's to close. */
  createPipe(): { readonly readEnd: number; readonly writeEnd: number }
  /** Ends what waits for the other side. */
  shutdown(): void
}

/** What a packet may have at most, in bytes: the protocol's. */
export const maxPacketBytes = 32 * 1024

/**
 * The inherited descriptor `fd` as a socket. Throws IO when it is none, UNSUPPORTED where there are no such sockets.
 * `node:net` opens stream sockets only and cannot pass descriptors, so the C library is asked (image-proxy.md §8).
 */
export async function openPacketSocket(fd: number): Promise<PacketSocket> {
  checkSocket(fd)
  const libc = await loadLibc()
  libc.makeBlocking(fd)
  return {
    receive: () => receive(fd),
    async send(packet, descriptors) {
      try {
        await libc.sendMessage(fd, Buffer.from(packet), descriptors)
      } finally {
        for (const descriptor of descriptors) closeSync(descriptor)
      }
    },
    createPipe: () => createPipe(libc),
    shutdown: () => libc.shutdown(fd),
  }
}

function checkSocket(fd: number): void {
  let isSocket
  try {
    isSocket = fstatSync(fd).isSocket()
  } catch (cause) {
    throw new TransloadError('IO', 'file file+net sock: fcntl: bad file descriptor', { cause })
  }
  if (!isSocket) throw new TransloadError('IO', 'file file+net sock: getsockopt: socket operation on non-socket')
}

const readDescriptor = promisify(read)

/** One read is one packet. */
async function receive(fd: number): Promise<Buffer | undefined> {
  try {
    const { bytesRead, buffer } = await readDescriptor(fd, Buffer.alloc(maxPacketBytes), 0, maxPacketBytes, null)
    return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead)
  } catch (cause) {
    throw new TransloadError('IO', `reading socket: ${systemErrorCode(cause) ?? String(cause)}`, { cause })
  }
}

function createPipe(libc: Libc): { readEnd: number; writeEnd: number } {
  const [readEnd, writeEnd] = libc.createPipe()
  return { readEnd, writeEnd }
}
