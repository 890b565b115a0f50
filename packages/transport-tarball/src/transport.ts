import { TransloadError, type Transport } from '@transload/contract'
import { openMadeImageSource } from '@transload/formats'

import { imageConfig } from './image-config.ts'
import { openLayerFile, spoolLayer, type LayerFile } from './layer-file.ts'
import { readTarballOptions } from './options.ts'
import { parseTarballReference, type TarballReference } from './reference.ts'

/** `tarball:` – an image made from layer tar files. Throws CONFIG_INVALID. */
export default function tarballTransport(options: Readonly<Record<string, unknown>> = {}): Transport<TarballReference> {
  const { platform, standardInput } = readTarballOptions(options)
  let isInputRead = false
  const takeInput = (): AsyncIterable<Uint8Array> => {
    if (!standardInput) throw new TransloadError('UNSUPPORTED', 'tarball: there is no standard input to read')
    if (isInputRead) throw new TransloadError('IO', 'tarball: the standard input has been read already')
    isInputRead = true
    return standardInput
  }
  return {
    scheme: 'tarball',
    parse: parseTarballReference,
    async openSource(reference, open) {
      await using opened = new AsyncDisposableStack()
      const layers: LayerFile[] = []
      for (const file of reference.files) {
        layers.push(file === '-' ? opened.use(await spoolLayer(takeInput(), open)) : await openLayerFile(file, open))
      }
      const owned = opened.move()
      return openMadeImageSource({ reference, config: imageConfig(layers, platform), layers, owned })
    },
  }
}
