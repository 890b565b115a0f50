import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { tarArchive } from '@transload/transport-conformance/fixtures'

/** What differs between the hand-made images. */
export interface Schema1Variant {
  readonly dockerVersion: string
  /** Members of the newest configuration, each after a comma; JSON as no program of ours would write it. */
  readonly members?: string
  /** A layer that is not compressed, which schema 1 cannot say. */
  readonly hasPlainLayer?: boolean
  /** An entry of the history comes twice. */
  readonly repeatsEntry?: boolean
}

/** Spellings, members and orders that have to survive. */
export const oddMembers = String.raw`, "config" : {"Labels":{"k10":"x","k9":"<y>","b":"\u00e9","a":"\u003c&"},
  "Env":["A=1"], "Cmd":["one"], "Entrypoint":["a", "b"], "Memory":1.50, "Volumes":{"/v":{}}, "OnBuild":[],
  "ExposedPorts":{"80/tcp":{}}, "Healthcheck":{"Test":["NONE"],"Interval":30}},
  "custom": {"z":1e3, "2":1, "1":[ 1 , 2 ]}, "é":"\ud83d\ude00", "variant":"v8"`

/** Writes an unsigned schema 1 image of four layers, two of them empty, as `dir:` keeps it. */
export async function writeSchema1Image(directory: string, variant: Schema1Variant): Promise<void> {
  const top = tarArchive({ top: 'b'.repeat(3000) })
  const empty = Buffer.from('1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000', 'hex')
  const blobs = [gzipSync(tarArchive({ base: 'a' })), empty, variant.hasPlainLayer ? top : gzipSync(top), empty]
  const history = blobs.map((_, index) => entry(index, variant))
  if (variant.repeatsEntry) {
    history.splice(2, 0, history[1]!)
    blobs.splice(2, 0, blobs[1]!)
  }
  await mkdir(directory)
  for (const blob of blobs) await writeFile(join(directory, sha256(blob)), blob)
  const manifest = {
    schemaVersion: 1,
    name: 'library/odd',
    tag: 'old',
    architecture: 'amd64',
    fsLayers: blobs.toReversed().map((blob) => ({ blobSum: `sha256:${sha256(blob)}` })),
    history: history.toReversed().map((v1Compatibility) => ({ v1Compatibility })),
  }
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest, undefined, 3))
  await writeFile(join(directory, 'version'), 'Directory Transport Version: 1.1\n')
}

function entry(index: number, { dockerVersion, members = '' }: Schema1Variant): string {
  const image = {
    id: sha256(`image ${index}`),
    ...(index === 0 ? {} : { parent: sha256(`image ${index - 1}`) }),
    ...(index === 2 ? {} : { created: `2016-01-0${index + 1}T01:02:03.${index}00Z` }),
    ...(index === 1 ? { author: 'A <a@example.com>', comment: 'a comment' } : {}),
    container_config: index === 0 ? {} : { Cmd: ['/bin/sh', '-c', `#(nop) <ADD> & é \u2028 ${index}`] },
    ...(index % 2 === 0 ? {} : { throwaway: true }),
  }
  if (index < 3) return JSON.stringify(image)
  const rest = `"docker_version": ${JSON.stringify(dockerVersion)}, "architecture":"amd64", "os" : "linux", "Size": 123`
  return `${JSON.stringify(image).slice(0, -1)}, ${rest}, "parent_id":"x","layer_id":"y" ${members}}`
}

function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex')
}
