import { endianness, platform } from 'node:os'

import { TransloadError } from '@transload/contract'
import type koffiModule from 'koffi'

type Koffi = typeof koffiModule

/** What Node lacks of the C library. Descriptors are plain numbers, and nobody's but the caller's. */
export interface Libc {
  /** A pipe that programs started later do not inherit. Throws IO. */
  createPipe(): readonly [readEnd: number, writeEnd: number]
  /** Does not hold up the program while the receiver is slow. Throws IO. */
  sendMessage(socket: number, data: Uint8Array, descriptors: readonly number[]): Promise<void>
  /** Reads on `fd` wait, whatever its former owner had set. */
  makeBlocking(fd: number): void
  /** Wakes up whoever waits for this socket. */
  shutdown(socket: number): void
}

/** Loads koffi, an optional dependency. Throws UNSUPPORTED without it, and anywhere but on Linux. */
export async function loadLibc(): Promise<Libc> {
  if (platform() !== 'linux' || endianness() !== 'LE') {
    throw new TransloadError('UNSUPPORTED', 'passing file descriptors over a socket needs Linux')
  }
  return bind(await importKoffi())
}

async function importKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default
  } catch (cause) {
    throw new TransloadError('UNSUPPORTED', 'passing file descriptors over a socket needs the npm package koffi', {
      cause,
      hint: 'It is an optional dependency of transload; install it beside it: npm install koffi',
    })
  }
}

// Of Linux, the same on all architectures Node runs on.
const closeOnExec = 0o2000000
const nonBlocking = 0o4000
const getFlags = 3
const setFlags = 4
const setPipeSize = 1031
const pipeBytes = 1024 * 1024
const noSignal = 0x4000
const solSocket = 1
const scmRights = 1
const bothDirections = 2

function bind(koffi: Koffi): Libc {
  const library = koffi.load(null)
  const vector = koffi.struct({ base: 'void *', length: 'size_t' })
  const message = koffi.struct({
    name: 'void *',
    nameLength: 'uint32_t',
    vectors: koffi.pointer(vector),
    vectorCount: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  })
  const sendmsg = library.func('sendmsg', 'intptr_t', ['int', koffi.pointer(message), 'int'])
  const pipe2 = library.func('int pipe2(_Out_ int *ends, int flags)')
  const fcntl = library.func('int fcntl(int fd, int command, ...)')
  const shutdown = library.func('int shutdown(int socket, int how)')
  const wordBytes = koffi.sizeof('size_t')

  return {
    createPipe() {
      const ends: [number, number] = [-1, -1]
      if (pipe2(ends, closeOnExec) !== 0) throw new TransloadError('IO', `pipe2: error ${koffi.errno()}`)
      // Fewer turns of writer and reader; a system that has no such pipe to give leaves it small.
      fcntl(ends[1], setPipeSize, 'int', pipeBytes)
      return ends
    },
    async sendMessage(socket, data, descriptors) {
      const control = descriptors.length === 0 ? undefined : controlMessage(descriptors, wordBytes)
      const header = {
        name: null,
        nameLength: 0,
        vectors: [{ base: data, length: data.length }],
        vectorCount: 1,
        control: control ?? null,
        controlLength: control?.length ?? 0,
        flags: 0,
      }
      await new Promise<void>((resolve, reject) => {
        // It asks `header`, so that what that points to lives until the call is over.
        sendmsg.async(socket, header, noSignal, (error: Error | null, sent: number) => {
          if (error === null && sent === header.vectors[0]!.length) resolve()
          else reject(new TransloadError('IO', 'writing to socket: the other side does not take it', { cause: error }))
        })
      })
    },
    makeBlocking(fd) {
      const flags = fcntl(fd, getFlags) as number
      if ((flags & nonBlocking) !== 0) fcntl(fd, setFlags, 'int', flags & ~nonBlocking)
    },
    shutdown(socket) {
      shutdown(socket, bothDirections)
    },
  }
}

/** One `cmsghdr` of type SCM_RIGHTS, padded to whole words (`CMSG_SPACE`). */
function controlMessage(descriptors: readonly number[], wordBytes: number): Buffer {
  const headerBytes = wordBytes + 8
  const length = headerBytes + 4 * descriptors.length
  const control = Buffer.alloc(Math.ceil(length / wordBytes) * wordBytes)
  control.writeUInt32LE(length, 0)
  control.writeInt32LE(solSocket, wordBytes)
  control.writeInt32LE(scmRights, wordBytes + 4)
  descriptors.forEach((descriptor, index) => control.writeInt32LE(descriptor, headerBytes + 4 * index))
  return control
}
