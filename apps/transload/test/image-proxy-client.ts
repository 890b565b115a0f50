import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createReadStream, writeSync } from 'node:fs'
import { buffer, text } from 'node:stream/consumers'

import koffi from 'koffi'

/** A reply as it came over the socket, and the descriptors that came with it. */
export interface ProxyReply {
  readonly packet: Readonly<Record<string, unknown>>
  readonly success: boolean
  readonly value: unknown
  readonly pipeId: number
  readonly errorCode: string
  readonly error: string
  /** To be read or closed by the receiver. */
  readonly descriptors: readonly number[]
}

/** A program that speaks the protocol of `experimental-image-proxy`. Disposing ends it. */
export interface ImageProxyClient extends AsyncDisposable {
  readonly child: ChildProcess
  /** One packet, as it is. */
  send(packet: string): void
  receive(): Promise<ProxyReply | undefined>
  call(method: string, ...args: readonly unknown[]): Promise<ProxyReply>
  /** Like `call`, for a reply with one descriptor: what came out of it, and what FinishPipe said meanwhile. */
  fetch(
    method: string,
    ...args: readonly unknown[]
  ): Promise<{ reply: ProxyReply; payload: Buffer; finished: ProxyReply }>
  /** The exit code and everything on stderr, after our end of the socket is closed. */
  end(): Promise<{ readonly code: number | null; readonly stderr: string }>
}

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
const recvmsg = library.func('recvmsg', 'intptr_t', ['int', koffi.inout(koffi.pointer(message)), 'int'])
const socketpair = library.func('int socketpair(int domain, int type, int protocol, _Out_ int *ends)')

const unixDomain = 1
const sequencedPackets = 5
const closeOnExec = 0o2000000

/** Room for two descriptors, as the clients in the field have. */
const controlBytes = 24

export interface ImageProxyOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Which descriptor the program finds its end of the socket pair at; default 3. */
  readonly descriptor?: 0 | 3
}

export function startImageProxy(
  command: string,
  words: readonly string[],
  { descriptor = 3, ...options }: ImageProxyOptions,
): ImageProxyClient {
  const ends: [number, number] = [-1, -1]
  if (socketpair(unixDomain, sequencedPackets | closeOnExec, 0, ends) !== 0) throw new Error('socketpair failed')
  const [ours, theirs] = ends
  const child = spawn(command, words, {
    ...options,
    stdio: descriptor === 0 ? [theirs, 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe', theirs],
  })
  closeSync(theirs)
  const stderr = text(child.stderr!)
  const exited = once(child, 'close') as Promise<[number | null]>
  let isOpen = true

  const send: ImageProxyClient['send'] = (packet) => void writeSync(ours, packet)
  const call: ImageProxyClient['call'] = async (method, ...args) => {
    send(JSON.stringify({ method, args }))
    const reply = await receivePacket(ours)
    if (!reply) throw new Error(`no reply to ${method}: ${await stderr}`)
    return reply
  }
  const end: ImageProxyClient['end'] = async () => {
    if (isOpen) closeSync(ours)
    isOpen = false
    child.stdout!.resume()
    const [code] = await exited
    return { code, stderr: await stderr }
  }
  return {
    child,
    send,
    receive: () => receivePacket(ours),
    call,
    async fetch(method, ...args) {
      const reply = await call(method, ...args)
      if (reply.descriptors.length !== 1) throw new Error(`${method}: ${JSON.stringify(reply.packet)}`)
      const [payload, finished] = await Promise.all([
        readDescriptor(reply.descriptors[0]!),
        call('FinishPipe', reply.pipeId),
      ])
      return { reply, payload, finished }
    },
    end,
    [Symbol.asyncDispose]: async () => void (await end()),
  }
}

/** Everything up to its end; closes it. */
export async function readDescriptor(descriptor: number): Promise<Buffer> {
  return await buffer(createReadStream('', { fd: descriptor, highWaterMark: 1024 * 1024 }))
}

async function receivePacket(socket: number): Promise<ProxyReply | undefined> {
  const data = Buffer.alloc(64 * 1024)
  const control = Buffer.alloc(controlBytes)
  const header = {
    name: null,
    nameLength: 0,
    vectors: [{ base: data, length: data.length }],
    vectorCount: 1,
    control,
    controlLength: control.length,
    flags: 0,
  }
  const received = await new Promise<number>((resolve, reject) => {
    recvmsg.async(socket, header, 0, (error: Error | null, count: number) => (error ? reject(error) : resolve(count)))
  })
  if (received <= 0) return undefined
  const packet = JSON.parse(data.toString('utf8', 0, received)) as Record<string, unknown>
  return {
    packet,
    success: packet['success'] as boolean,
    value: packet['value'],
    pipeId: packet['pipeid'] as number,
    errorCode: packet['error_code'] as string,
    error: packet['error'] as string,
    descriptors: passedDescriptors(control, header.controlLength),
  }
}

/** Those of the one control message there may be. */
function passedDescriptors(control: Buffer, filledBytes: number): number[] {
  if (filledBytes === 0) return []
  const headerBytes = 16
  const length = Number(control.readBigUInt64LE(0))
  return Array.from({ length: (length - headerBytes) / 4 }, (_, index) => control.readInt32LE(headerBytes + 4 * index))
}
