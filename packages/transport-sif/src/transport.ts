import { TransloadError, type Transport } from '@transload/contract'
import { openMadeImageSource, pathPolicyScopes, resolveImagePath } from '@transload/formats'

import { commandOf, parseDefinition } from './definition-file.ts'
import { imageConfig } from './image-config.ts'
import { parseSifReference, type SifReference } from './reference.ts'
import { extractRootFilesystem } from './root-filesystem.ts'
import { readSifFile } from './sif-file.ts'
import { openTarLayer } from './tar-layer.ts'

/** `sif:` – a Singularity image file. It has no options; throws CONFIG_INVALID for any. */
export default function sifTransport(options: Readonly<Record<string, unknown>> = {}): Transport<SifReference> {
  const [unknownName] = Object.keys(options)
  if (unknownName !== undefined) {
    throw new TransloadError('CONFIG_INVALID', `sif transport: there is no option ${JSON.stringify(unknownName)}`)
  }
  return {
    scheme: 'sif',
    parse: parseSifReference,
    async openSource(given, { tempDirectory, signal }) {
      signal?.throwIfAborted()
      const path = await resolveImagePath(given.path)
      const reference = { ...given, path, policyScopes: pathPolicyScopes(path) }
      const sif = await readSifFile(path)
      const { command, runscript } = commandOf(parseDefinition(sif.definition))
      await using opened = new AsyncDisposableStack()
      const root = opened.use(await extractRootFilesystem(sif, { runscript, tempDirectory, signal }))
      const layer = await openTarLayer(root.tarFile, { signal })
      const config = imageConfig(sif, command, layer.descriptor.digest)
      return openMadeImageSource({ reference, config, layers: [layer], owned: opened.move() })
    },
  }
}
