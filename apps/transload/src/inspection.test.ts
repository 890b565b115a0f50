import { encodeJson, rawManifest, mediaTypes, type ImageReference } from '@transload/contract'
import { expect, it } from 'vitest'

import { inspection } from './inspection.ts'

const layer = {
  mediaType: mediaTypes.ociLayerGzip,
  digest: `sha256:${'a'.repeat(64)}`,
  size: 12,
  annotations: { k: 'v' },
}
const manifest = rawManifest(
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: `sha256:${'b'.repeat(64)}`, size: 2 },
      layers: [layer],
    }),
  ),
)
const reference: ImageReference = { scheme: 'docker', text: '//x/y:1', name: 'x.io/y:1', policyScopes: [] }

it('shows the members in order, null for what is not there', () => {
  const config = Buffer.from('{"architecture":"amd64","os":"linux"}')
  const shown = inspection({ reference, root: manifest, instance: manifest, config, tags: ['1', '2'] })
  expect(encodeJson(shown)).toBe(
    `{"Name":"x.io/y","Digest":"${manifest.digest}","RepoTags":["1","2"],"Created":null,"DockerVersion":"",` +
      `"Labels":null,"Architecture":"amd64","Os":"linux","Layers":["${layer.digest}"],"LayersData":[` +
      `{"MIMEType":"${layer.mediaType}","Digest":"${layer.digest}","Size":12,"Annotations":{"k":"v"}}],"Env":null}`,
  )
})

it('has no name where the place has none', () => {
  const { name: _, ...nameless } = reference
  const shown = inspection({
    reference: nameless,
    root: manifest,
    instance: manifest,
    config: Buffer.from('{}'),
    tags: null,
  })
  expect(shown).toMatchObject({ Name: undefined, RepoTags: null })
})
