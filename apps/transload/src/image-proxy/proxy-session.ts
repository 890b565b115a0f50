import { closeSync } from 'node:fs'

import {
  encodeJson,
  mediaTypes,
  parseManifest,
  TransloadError,
  type Descriptor,
  type Digest,
  type RawManifest,
  type TrustPolicy,
} from '@transload/contract'
import { TrustError, type ReadableImage } from '@transload/core'

import { exitCode } from '../exit-code.ts'
import { parseImageConfig, type ImageConfig } from '../image-config.ts'
import { startReading, verifiedAtEnd } from './blob-stream.ts'
import type { PacketSocket } from './packet-socket.ts'
import { PayloadPipe } from './payload-pipe.ts'
import { proxyFailure, type ProxyAnswer } from './reply.ts'
import { digestArgument, imageNameArgument, numberArgument, soleArgument, type ProxyRequest } from './request.ts'

/** What a session needs of the program. */
export interface ProxyHost {
  /** Undefined: everything is trusted. */
  loadPolicy(): Promise<TrustPolicy | undefined>
  /** Throws REFERENCE_INVALID, or what opening it throws. */
  openImage(name: string): Promise<ReadableImage>
}

type PipeMaker = Pick<PacketSocket, 'createPipe'>
type Method = (args: readonly unknown[]) => Promise<ProxyAnswer>

const protocolVersion = '0.2.8'

/**
 * One client's images and pipes (image-proxy.md §3, §4). Calls are answered one at a time; payloads are written in the
 * background meanwhile. Disposing ends them all.
 */
export class ProxySession implements AsyncDisposable {
  readonly #host: ProxyHost
  readonly #pipeMaker: PipeMaker
  readonly #images = new Map<number, ReadableImage>()
  readonly #pipes = new Map<number, PayloadPipe>()
  /** Data and errors of raw blobs, which nobody finishes. */
  readonly #rawPipes = new Set<PayloadPipe>()
  readonly #methods: Readonly<Record<string, Method>> = {
    Initialize: (args) => this.#initialize(args),
    OpenImage: (args) => this.#openImage(args),
    OpenImageOptional: (args) => this.#openImageOptional(args),
    CloseImage: (args) => this.#closeImage(args),
    GetManifest: (args) => this.#getManifest(args),
    GetFullConfig: (args) => this.#getConfig(args, (config) => config),
    GetConfig: (args) => this.#getConfig(args, ({ config }) => config),
    GetLayerInfo: async (args) => ({ value: await this.#readLayerInfo(args) }),
    GetLayerInfoPiped: async (args) => this.#sendBytes(encodeJson(await this.#readLayerInfo(args))),
    GetBlob: (args) => this.#getBlob(args),
    GetRawBlob: (args) => this.#getRawBlob(args),
    FinishPipe: (args) => this.#finishPipe(args),
  }
  #policy: { readonly policy: TrustPolicy | undefined } | undefined
  readonly #closing = new AbortController()
  readonly #signal: AbortSignal
  #lastImageId = 0

  /** An abort of `signal` ends what is being read. */
  constructor(host: ProxyHost, pipes: PipeMaker, signal: AbortSignal) {
    this.#host = host
    this.#pipeMaker = pipes
    this.#signal = AbortSignal.any([signal, this.#closing.signal])
  }

  /** The descriptors of the answer are the caller's. Throws what the client is to be told. */
  async answer({ method, args }: ProxyRequest): Promise<ProxyAnswer> {
    if (!Object.hasOwn(this.#methods, method)) throw invalid(`unknown method: ${method}`)
    if (method !== 'Initialize' && !this.#policy) throw invalid('client error: must invoke Initialize')
    return await this.#methods[method]!(args)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    const pipes = [...this.#pipes.values(), ...this.#rawPipes]
    const closing = [...pipes, ...this.#images.values()].map((open) => open[Symbol.asyncDispose]())
    await Promise.allSettled(closing)
  }

  async #initialize(args: readonly unknown[]): Promise<ProxyAnswer> {
    if (args.length > 0) throw invalid('invalid request, expecting zero arguments')
    if (this.#policy) throw invalid('already initialized')
    this.#policy = { policy: await this.#host.loadPolicy() }
    return { value: protocolVersion }
  }

  async #openImage(args: readonly unknown[]): Promise<ProxyAnswer> {
    const image = await this.#host.openImage(imageNameArgument(soleArgument(args)))
    try {
      await checkEither(image, this.#policy?.policy)
    } catch (error) {
      await image[Symbol.asyncDispose]()
      throw error
    }
    const id = ++this.#lastImageId
    this.#images.set(id, image)
    return { value: id }
  }

  async #openImageOptional(args: readonly unknown[]): Promise<ProxyAnswer> {
    try {
      return await this.#openImage(args)
    } catch (error) {
      if (exitCode(error) === 2) return { value: 0 }
      throw error
    }
  }

  async #closeImage(args: readonly unknown[]): Promise<ProxyAnswer> {
    const id = soleArgument(args)
    const image = this.#findImage(id)
    this.#images.delete(numberArgument(id))
    await image[Symbol.asyncDispose]()
    return {}
  }

  /** The value is the digest of the manifest as the place has it, not of what is sent. */
  async #getManifest(args: readonly unknown[]): Promise<ProxyAnswer> {
    const image = this.#findImage(soleArgument(args))
    const { mediaType, digest } = await image.readInstance()
    if (mediaType === mediaTypes.dockerSchema1 || mediaType === mediaTypes.dockerSchema1Signed) {
      throw invalid(`unsupported legacy manifest MIME type: ${mediaType}`)
    }
    if (mediaType !== mediaTypes.ociManifest && mediaType !== mediaTypes.dockerManifest) {
      throw invalid(`unsupported manifest MIME type: ${mediaType}`)
    }
    return this.#sendBytes((await image.readOciManifest()).bytes, digest)
  }

  async #getConfig(args: readonly unknown[], part: (config: ImageConfig) => unknown): Promise<ProxyAnswer> {
    const image = this.#findImage(soleArgument(args))
    const manifest = parseManifest(await image.readInstance())
    if (manifest.kind === 'image' && manifest.artifactType !== undefined) {
      throw invalid(`unsupported image-specific operation on artifact with type "${manifest.artifactType}"`)
    }
    return this.#sendBytes(encodeJson(part(parseImageConfig(await image.readConfig()))))
  }

  async #readLayerInfo(args: readonly unknown[]): Promise<readonly unknown[]> {
    const layers = await this.#findImage(soleArgument(args)).readLayers()
    return layers.map(({ digest, size, mediaType }) => ({ digest, size, media_type: mediaType }))
  }

  async #getBlob(args: readonly unknown[]): Promise<ProxyAnswer> {
    if (args.length !== 3) throw invalid(`found ${args.length} args, expecting (imgid, digest, size)`)
    const image = this.#findImage(args[0])
    const digest = digestArgument(args[1])
    const size = numberArgument(args[2])
    const blob = (await findBlob(image, digest)) ?? { mediaType: '', digest, size }
    const body = await startReading(image.readBlob(blob, { signal: this.#signal }))
    return this.#sendPayload(verifiedAtEnd(body, { digest, size }), blob.size)
  }

  async #getRawBlob(args: readonly unknown[]): Promise<ProxyAnswer> {
    if (args.length !== 2) throw invalid(`found ${args.length} args, expecting (imgid, digest)`)
    const image = this.#findImage(args[0])
    const digest = digestArgument(args[1])
    const blob = await findBlob(image, digest)
    if (!blob) throw new TransloadError('BLOB_UNKNOWN', `the image has no blob ${digest}`)
    const body = await startReading(image.readBlob(blob, { signal: this.#signal }))
    const data = this.#pipeMaker.createPipe()
    const dataPipe = new PayloadPipe(data.writeEnd, body)
    const errors = await this.#createPipeBeside(dataPipe, data.readEnd)
    const errorPipe = new PayloadPipe(errors.writeEnd, failureOf(dataPipe))
    for (const pipe of [dataPipe, errorPipe]) this.#rawPipes.add(pipe)
    void errorPipe
      .finish()
      .catch(() => {})
      .finally(() => {
        for (const pipe of [dataPipe, errorPipe]) this.#rawPipes.delete(pipe)
      })
    return { value: blob.size, descriptors: [data.readEnd, errors.readEnd] }
  }

  /** When there cannot be a second pipe, the first is of no use. */
  async #createPipeBeside(pipe: PayloadPipe, readEnd: number): Promise<ReturnType<PipeMaker['createPipe']>> {
    try {
      return this.#pipeMaker.createPipe()
    } catch (error) {
      closeSync(readEnd)
      await pipe[Symbol.asyncDispose]()
      throw error
    }
  }

  async #finishPipe(args: readonly unknown[]): Promise<ProxyAnswer> {
    const id = numberArgument(soleArgument(args))
    const pipe = this.#pipes.get(id)
    if (!pipe) throw invalid(`finishpipe: no active pipe ${id}`)
    try {
      await pipe.finish()
    } finally {
      this.#pipes.delete(id)
    }
    return {}
  }

  #findImage(value: unknown): ReadableImage {
    const id = numberArgument(value)
    if (id === 0) throw invalid('Invalid imageid value of zero')
    const image = this.#images.get(id)
    if (!image) throw invalid(`no image ${id}`)
    return image
  }

  #sendBytes(content: string | Uint8Array, value: unknown = null): ProxyAnswer {
    return this.#sendPayload(once(Buffer.from(content)), value)
  }

  #sendPayload(body: AsyncIterable<Uint8Array>, value: unknown): ProxyAnswer {
    const { readEnd, writeEnd } = this.#pipeMaker.createPipe()
    this.#pipes.set(writeEnd, new PayloadPipe(writeEnd, body))
    return { value, pipeId: writeEnd, descriptors: [readEnd] }
  }
}

/** An image is trusted if the policy accepts the index it was chosen from, or itself. */
async function checkEither(image: ReadableImage, policy: TrustPolicy | undefined): Promise<void> {
  const root = await image.readRoot()
  const refusal = await trustRefusal(image, policy, root)
  const instance = await image.readInstance()
  if (refusal === undefined) return
  const instanceRefusal = instance === root ? refusal : await trustRefusal(image, policy, instance)
  if (instanceRefusal !== undefined) throw instanceRefusal
}

async function trustRefusal(
  image: ReadableImage,
  policy: TrustPolicy | undefined,
  manifest: RawManifest,
): Promise<TrustError | undefined> {
  try {
    if (policy) await image.checkTrust(policy, manifest)
    return undefined
  } catch (error) {
    if (error instanceof TrustError) return error
    throw error
  }
}

/** Among what the instance consists of. */
async function findBlob(image: ReadableImage, digest: Digest): Promise<Descriptor | undefined> {
  const manifest = parseManifest(await image.readInstance())
  const named = manifest.kind === 'image' ? [manifest.config, ...manifest.layers] : []
  return [...named, ...(await image.readLayers())].find((blob) => blob.digest === digest)
}

/** Empty when all went well. */
async function* failureOf(data: PayloadPipe): AsyncGenerator<Uint8Array> {
  try {
    await data.finish()
  } catch (error) {
    yield Buffer.from(encodeJson(proxyFailure(error)))
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function invalid(message: string): TransloadError {
  return new TransloadError('USAGE', message)
}
