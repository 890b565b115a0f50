import { digestHex } from '@transload/contract'

import type { LayerFile } from './layer-file.ts'
import type { TarballOptions } from './options.ts'

/** The config skopeo makes up for such an image (formats.md §8): as new as its newest layer. */
export function imageConfig(
  layers: readonly LayerFile[],
  { architecture, os }: TarballOptions['platform'],
): Readonly<Record<string, unknown>> {
  const newest = layers.map(({ modifiedNs }) => modifiedNs).reduce((a, b) => (a > b ? a : b))
  return {
    created: timeText(newest),
    architecture,
    os,
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ modifiedNs, diffId }) => ({
      created: timeText(modifiedNs),
      created_by: `/bin/sh -c #(nop) ADD file:${digestHex(diffId)} in /`,
      comment: 'imported from tarball',
    })),
  }
}

const nsPerSecond = 1_000_000_000n

/** RFC 3339 in UTC, with as much of a fraction as there is. */
function timeText(ns: bigint): string {
  const fraction = ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond
  const seconds = (ns - fraction) / nsPerSecond
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, -'.000Z'.length)
  const digits = fraction.toString().padStart(9, '0').replace(/0+$/, '')
  return `${text}${digits === '' ? '' : `.${digits}`}Z`
}
