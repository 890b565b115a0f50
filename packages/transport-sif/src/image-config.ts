import { digestHex, type Digest } from '@transload/contract'

import type { SifFile } from './sif-file.ts'

/** The config skopeo makes up for such an image (formats.md §8); `layer` is the digest of the tar. */
export function imageConfig(
  { architecture, id, modifiedSeconds }: Pick<SifFile, 'architecture' | 'id' | 'modifiedSeconds'>,
  command: readonly string[],
  layer: Digest,
): Readonly<Record<string, unknown>> {
  const created = new Date(modifiedSeconds * 1000).toISOString().replace('.000Z', 'Z')
  return {
    created,
    architecture,
    os: 'linux',
    config: { Cmd: command },
    rootfs: { type: 'layers', diff_ids: [layer] },
    history: [
      {
        created,
        created_by: `/bin/sh -c #(nop) ADD file:${digestHex(layer)} in /`,
        comment: `imported from SIF, uuid: ${id}`,
      },
      { created, created_by: '/bin/sh -c #(nop) CMD ["bash"]', empty_layer: true },
    ],
  }
}
