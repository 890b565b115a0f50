import { mkdtemp } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { parseDigest, parseManifest, TransloadError, type Descriptor, type OutgoingBlob } from '@transload/contract'
import { createVerification, openImage, type ReadableImage } from '@transload/core'

import type { GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { openOptions, wantedPlatform } from '../open-options.ts'
import {
  authFileFlags,
  imageAccessFlags,
  resolveImageAccess,
  localPlaceFlags,
} from '../options/image-access-options.ts'
import { retryFlags } from '../options/retry-options.ts'
import { print } from '../output.ts'
import { withRetries } from '../retry.ts'
import { openSide } from '../side.ts'
import { withoutPlace } from '../without-place.ts'

const flags = {
  access: { ...imageAccessFlags(''), ...authFileFlags, ...localPlaceFlags('') },
  retry: retryFlags,
}

export const layers = defineCommand({
  name: 'layers',
  description: `Get layers of IMAGE-NAME

Puts the layers that are named, or all of them and the config, and the manifest into a new directory layers-* in the
current one. DEPRECATED in favor of copy.`,
  operands: 'IMAGE-NAME [LAYER...]',
  examples: ['layers docker://docker.io/library/alpine'],
  flags,
  positionals: {
    least: 1,
    most: Number.POSITIVE_INFINITY,
    problem: 'Usage: layers imageReference [layer...]',
    completes: 'image',
  },
  run: runLayers,
})

async function runLayers(
  values: GroupValues<typeof flags>,
  [name = '', ...wanted]: readonly string[],
  context: CommandContext,
): Promise<void> {
  await print(context.stderr, 'DEPRECATED: transload layers is deprecated in favor of transload copy\n')
  await using side = await openSide(resolveImageAccess(values.access, context.globals), context, {
    retry: values.retry,
  })
  const from = await side.locate(name)
  const options = { ...openOptions(context), platform: await wantedPlatform(context) }
  const retried = <T>(attempt: () => Promise<T>): Promise<T> =>
    withRetries(() => withoutPlace(attempt), values.retry, context)
  await using image = await retried(() => openImage(from, options))
  const manifest = await retried(() => image.readInstance())
  const blobs = await retried(() => chooseBlobs(image, wanted))

  const directory = await mkdtemp(join(context.directory, 'layers-'))
  const to = await side.locate(`dir:${basename(directory)}`)
  await using destination = await to.transport.openDestination!(to.reference, options)
  for (const { role, blob } of blobs) {
    await retried(() => destination.writeBlob(outgoing(role, blob, image.readBlob(blob))))
  }
  await destination.writeManifest(manifest, { root: true })
  await destination.commit({ signal: context.signal })
}

interface ChosenBlob {
  readonly role: OutgoingBlob['role']
  readonly blob: Descriptor
}

/** Each once: those that are named, else all layers and the config. Throws BLOB_UNKNOWN. */
async function chooseBlobs(image: ReadableImage, wanted: readonly string[]): Promise<readonly ChosenBlob[]> {
  const manifest = parseManifest(await image.readInstance())
  const layerBlobs = (await image.readLayers()).map((blob) => ({ role: 'layer', blob }) as const)
  const config = manifest.kind === 'image' ? [{ role: 'config', blob: manifest.config } as const] : []
  const all = [...layerBlobs, ...config]
  const distinct = all.filter(
    ({ blob }, index) => all.findIndex((other) => other.blob.digest === blob.digest) === index,
  )
  if (wanted.length === 0) return distinct
  return wanted.map((text) => {
    const digest = parseDigest(text.startsWith('sha256:') ? text : `sha256:${text}`)
    const chosen = distinct.find(({ blob }) => blob.digest === digest)
    if (!chosen) throw new TransloadError('BLOB_UNKNOWN', `the image has no blob ${digest}`)
    return chosen
  })
}

/** Its body throws if it is not what the digest and the size say. */
function outgoing(role: OutgoingBlob['role'], blob: Descriptor, body: AsyncIterable<Uint8Array>): OutgoingBlob {
  const { digest, mediaType, size } = blob
  const verification = createVerification(blob)
  return {
    role,
    mediaType,
    digest,
    size,
    body: verification.stage(body),
    written: () => ({ ...blob, size: verification.size }),
  }
}
