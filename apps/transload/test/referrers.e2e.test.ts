import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { mediaTypes } from '@transload/contract'
import { startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { emptyCache, fixtureArtifact, fixtureImage, writeImage } from '@transload/transport-conformance/fixtures'
import registryTransport from '@transload/transport-registry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, fatalMessage, type User } from './run-cli.ts'
import { startScriptedRegistry } from './scripted-registry.ts'

const image = fixtureImage({ format: 'oci' })
const sbom = fixtureArtifact({ subject: image.root, artifactType: 'test/sbom' })
const signature = fixtureArtifact({ subject: image.root, artifactType: 'test/signature' })
const attached = fixtureArtifact({ artifactType: 'test/attached' })
const tag = `${image.root.digest.replace(':', '-')}.sig`

let user: User
let registry: RegistryServer
let name: string
beforeAll(async () => {
  user = await createUser()
  registry = await startRegistryServer({ directory: join(user.home, 'registry') })
  name = `docker://${registry.host}/team/app:v1`
  const transport = registryTransport({ verifyTls: false })
  const open = { cache: emptyCache(), tempDirectory: tmpdir(), log: () => undefined }
  await using destination = await transport.openDestination!(transport.parse(name.replace('docker:', ''), '/'), open)
  await writeImage(destination, { ...image, blobs: [image, sbom].flatMap(({ blobs }) => blobs) })
  for (const { root } of [sbom, signature]) await destination.writeManifest(root, { root: false, referrer: true })
  await destination.writeManifest(attached.root, { root: false, tag })
  await destination.commit()
  await transport.close()
})
afterAll(async () => {
  await registry.close()
  await user[Symbol.asyncDispose]()
})

describe('referrers', () => {
  it('are listed one a line', async () => {
    const lines = (await user.succeed(['referrers', '--tls-verify=false', name])).trimEnd().split('\n')
    const bySubject = [`${sbom.root.digest} test/sbom`, `${signature.root.digest} test/signature`]
    expect(lines.sort()).toEqual([...bySubject, `${attached.root.digest} test/attached ${tag}`].sort())
  })

  it('are listed by type, as JSON', async () => {
    const words = ['referrers', '--json', '--tls-verify=false', '--artifact-type', 'test/sbom', name]
    expect(JSON.parse(await user.succeed(words))).toEqual({
      subject: image.root.digest,
      referrers: [
        {
          mediaType: sbom.root.mediaType,
          digest: sbom.root.digest,
          size: sbom.root.bytes.length,
          artifactType: 'test/sbom',
        },
      ],
    })
  })

  it.each([
    ['test/attached', [`${attached.root.digest} test/attached ${tag}\n`]],
    ['test/other', []],
  ])('of type %s only', async (type, lines) => {
    const words = ['referrers', '--tls-verify=false', '--artifact-type', type, name]
    expect(await user.succeed(words)).toBe(lines.join(''))
  })

  it('are copied on request only', async () => {
    await user.succeed(['copy', '-q', '--src-tls-verify=false', name, 'oci:alone:v1'])
    expect(await user.succeed(['referrers', 'oci:alone:v1'])).toBe('')
    await user.succeed(['copy', '-q', '--with-referrers', '--src-tls-verify=false', name, 'oci:together:v1'])
    const found = await user.succeed(['referrers', 'oci:together:v1'])
    expect(found).toContain(`${sbom.root.digest} test/sbom\n`)
    expect(found).toContain(`${signature.root.digest} test/signature\n`)
    expect(found).toContain(`${attached.root.digest} test/attached ${tag}\n`)
  })

  it('are missed, by name, in a registry that takes them and forgets', async () => {
    await user.succeed(['copy', '-q', '--with-referrers', '--src-tls-verify=false', name, 'oci:kept:v1'])
    await using forgetful = await startScriptedRegistry((method, path) => {
      if (method === 'POST') return { status: 202, headers: { location: '/v2/a/blobs/uploads/1' } }
      if (method === 'PUT') return { status: 201 }
      if (!path.includes('/referrers/')) return undefined
      const headers = { 'content-type': mediaTypes.ociIndex }
      return { status: 200, headers, body: JSON.stringify({ schemaVersion: 2, manifests: [] }) }
    })
    const to = `docker://${forgetful.host}/a:1`
    const outcome = await user.run(['copy', '--with-referrers', '--dest-tls-verify=false', 'oci:kept:v1', to])
    expect(outcome.code).toBe(1)
    const message = fatalMessage(outcome)
    expect(message).toMatch(/^not found at the destination after the copy: /)
    for (const lost of [`${sbom.root.digest} (test/sbom, of ${image.root.digest})`, signature.root.digest, tag]) {
      expect(message).toContain(lost)
    }
  })

  it.each([
    [
      ['copy', '--with-referrers', 'oci:together:v1', 'dir:plain'],
      'Storing referrers for dir: images is not supported',
    ],
    [['referrers', 'dir:plain'], 'listing referrers is not implemented for dir: images'],
    [['referrers'], 'Exactly one argument expected'],
  ])('%j is refused', async (words, problem) => {
    await user.succeed(['copy', '-q', '--remove-signatures', 'oci:together:v1', 'dir:plain'])
    const outcome = await user.run(words)
    expect(outcome.code).toBe(1)
    expect(fatalMessage(outcome)).toContain(problem)
  })
})
