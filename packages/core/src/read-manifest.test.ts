import { digestOf, mediaTypes, type ImageSource, type RawManifest } from '@transload/contract'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { describe, expect, it } from 'vitest'

import { readManifest } from './read-manifest.ts'

const { root } = fixtureImage()

function source(raw: RawManifest, name?: string): ImageSource {
  return {
    reference: { scheme: 'test', text: 'image', policyScopes: [], ...(name === undefined ? {} : { name }) },
    readManifest: async () => raw,
    readBlob: async function* () {},
    [Symbol.asyncDispose]: async () => undefined,
  }
}

describe('readManifest', () => {
  it('gives what it was asked for', async () => {
    expect(await readManifest(source(root, `localhost/app@${root.digest}`), undefined, {})).toEqual(root)
  })

  it('keeps the digest algorithm it was asked by', async () => {
    const digest = digestOf(root.bytes, 'sha512')
    expect(await readManifest(source(root), digest, {})).toMatchObject({ digest })
  })

  it('guesses a type that is missing', async () => {
    expect(await readManifest(source({ ...root, mediaType: '' }), undefined, {})).toEqual(root)
  })

  const other = digestOf(Buffer.from('something else'))

  it.each([
    ['the digest asked for', source(root), other],
    ['the digest in the name', source(root, `localhost/app@${other}`), undefined],
    ['the digest the source claims', source({ ...root, digest: other }), undefined],
  ])('refuses what is not of %s', async (_, from, digest) => {
    await expect(readManifest(from, digest, {})).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: `Manifest does not match provided manifest digest ${other}`,
    })
  })

  it('refuses schema 1 with broken signatures', async () => {
    const schema1 = { mediaType: mediaTypes.dockerSchema1Signed, bytes: Buffer.from('{}'), digest: other }
    await expect(readManifest(source(schema1), other, {})).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: expect.stringMatching(/no signatures/),
    })
  })

  it('refuses what is too large', async () => {
    const large = { ...root, bytes: Buffer.alloc(5 * 1024 * 1024) }
    await expect(readManifest(source(large), undefined, {})).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
  })
})
