import { openImage } from '@transload/core'

import { intFlag, type GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { openPacketSocket } from '../image-proxy/packet-socket.ts'
import { serveImageProxy } from '../image-proxy/serve-image-proxy.ts'
import { openOptions, wantedPlatform } from '../open-options.ts'
import {
  authFileFlags,
  imageAccessFlags,
  resolveImageAccess,
  localPlaceFlags,
} from '../options/image-access-options.ts'
import { openSide } from '../side.ts'
import { loadTrustPolicy } from '../trust-policy.ts'
import { freeBuffersEarly } from '../young-buffers.ts'

const flags = {
  proxy: { sockfd: intFlag('sockfd', 'Serve on opened socket pair (default 0/stdin)') },
  access: { ...imageAccessFlags(''), ...authFileFlags, ...localPlaceFlags('') },
}

export const experimentalImageProxy = defineCommand({
  name: 'experimental-image-proxy',
  description: `Interactive proxy for fetching container images (EXPERIMENTAL)

Answers the requests of a program that started this one with an end of a socket pair (SOCK_SEQPACKET), in the protocol
of skopeo's command of this name, version 0.2.8. Needs Linux and the npm package koffi, an optional dependency.`,
  operands: '',
  examples: ['experimental-image-proxy --sockfd 3'],
  flags,
  positionals: { least: 0, problem: (count) => `accepts 0 arg(s), received ${count}` },
  run: runImageProxy,
})

async function runImageProxy(
  { proxy, access }: GroupValues<typeof flags>,
  _positionals: readonly string[],
  context: CommandContext,
): Promise<void> {
  const socket = await openPacketSocket(proxy.sockfd ?? 0)
  await using side = await openSide(resolveImageAccess(access, context.globals), context)
  freeBuffersEarly()
  const host = {
    loadPolicy: async () => (await loadTrustPolicy(context))(side.plugins),
    openImage: async (name: string) =>
      await openImage(await side.locate(name), { ...openOptions(context), platform: await wantedPlatform(context) }),
  }
  await serveImageProxy(socket, host, context.signal)
}
