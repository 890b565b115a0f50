import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { digestOf } from '@transload/contract'
import { fixtureImage, fixtureLayer } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { readTree } from '../read-tree.ts'
import { createUser, fatalMessage, program, type Outcome, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const password = 'open-sesame'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const one = fixtureLayer('one')
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })

let user: User
beforeAll(async () => {
  user = await createUser()
  const save = (name: string, content: string | Buffer): Promise<void> => writeFile(join(user.home, name), content)
  await save('public.pem', rsa.publicKey.export({ format: 'pem', type: 'spki' }))
  await save('private.pem', rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  await save('other.pem', other.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const locked = { format: 'pem', type: 'pkcs1', cipher: 'aes-256-cbc', passphrase: password } as const
  await save('locked.pem', rsa.privateKey.export(locked))
  await save('password', password)
  await writeToLayout(fixtureImage({ layers: [one] }), join(user.home, 'one'), 'one')
  const layers = ['a', 'b', 'c'].map((content) => fixtureLayer(content))
  await writeToLayout(fixtureImage({ layers }), join(user.home, 'three'), 'three')
  await copy(['--encryption-key', 'jwe:public.pem'], 'oci:one:one', 'oci:encrypted:encrypted')
  await copy(['--encryption-key', 'jwe:public.pem', '--encrypt-layer', '1'], 'oci:three:three', 'oci:second:x')
})
afterAll(() => user[Symbol.asyncDispose]())

function copy(flags: readonly string[], from: string, to: string): Promise<string> {
  return user.succeed(['copy', ...flags, from, to])
}

function failToUnlock(key: string): Promise<Outcome> {
  return user.run(['--debug', 'copy', '--decryption-key', key, 'oci:encrypted:encrypted', 'oci:refused:x'])
}

async function messageOfFailure(flags: readonly string[], from: string, to = 'oci:refused:x'): Promise<string> {
  const outcome = await user.run(['copy', '-q', ...flags, from, to])
  expect(outcome.code).toBe(1)
  expect((await user.run(['inspect', '--raw', to])).code).not.toBe(0)
  return fatalMessage(outcome)
}

function blobsOf(layout: string): ReturnType<typeof readTree> {
  return readTree(join(user.home, layout, 'blobs'))
}

async function countGzipBlobs(layout: string): Promise<number> {
  const directory = join(user.home, layout, 'blobs/sha256')
  const blobs = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name))))
  return blobs.filter((bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b).length
}

describe('ENC-01, ENC-02: both kinds of keys, in either order', () => {
  const encrypting = ['--encryption-key', 'jwe:public.pem']
  const decrypting = ['--decryption-key', 'private.pem']
  it.each([
    ['encryption first', [...encrypting, ...decrypting]],
    ['decryption first', [...decrypting, ...encrypting]],
  ])('%s', async (_, flags) => {
    const message = '--encryption-key and --decryption-key cannot be specified together'
    expect(await messageOfFailure(flags, 'oci:one:one')).toBe(message)
  })
})

it('ENC-03: an image is encrypted', async () => {
  await copy(['--encryption-key', 'jwe:public.pem'], 'oci:one:one', 'oci:b:encrypted')
  expect(await countGzipBlobs('b')).toBe(0)
})

it('ENC-04: the wrong key', async () => {
  const message = await messageOfFailure(['--decryption-key', 'other.pem'], 'oci:encrypted:encrypted')
  expect(message).toMatch(
    /^decrypting layer sha256:[0-9a-f]{64}: no suitable key unwrapper found or none of the private keys could be used for decryption:\nno suitable key found for decrypting layer key:\n- JWE: No suitable private key found for decryption\n\n$/,
  )
})

it('ENC-05, ENC-06: copied without a key it stays encrypted, and can be decrypted then', async () => {
  await copy([], 'oci:encrypted:encrypted', 'oci:c:encrypted')
  expect(await countGzipBlobs('c')).toBe(0)
  await copy(['--decryption-key', 'private.pem'], 'oci:c:encrypted', 'oci:d:decrypted')
  expect(await countGzipBlobs('d')).toBe(1)
})

it('ENC-07, ENC-08: one layer of three is encrypted, and decrypted', async () => {
  expect(await countGzipBlobs('second')).toBe(2)
  await copy(['--decryption-key', 'private.pem'], 'oci:second:x', 'oci:again:three')
  expect(await countGzipBlobs('again')).toBe(3)
  expect(await blobsOf('again')).toEqual(await blobsOf('three'))
})

describe('a locked private key', () => {
  it.each([
    ['the password', `locked.pem:${password}`],
    ['pass=', `locked.pem:pass=${password}`],
    ['file=', 'locked.pem:file=password'],
  ])('is opened by %s', async (form, key) => {
    const directory = `opened by ${form}`
    await copy(['--decryption-key', key], 'oci:encrypted:encrypted', `dir:${directory}`)
    expect(await readdir(join(user.home, directory))).toContain(one.digest.slice('sha256:'.length))
  })

  it('is opened by what is read from a file descriptor', async () => {
    await using file = await open(join(user.home, 'password'))
    const words = ['copy', '-q', '--decryption-key', 'locked.pem:fd=3', 'oci:encrypted:encrypted', 'dir:opened']
    const child = spawn(process.execPath, [program, ...words], {
      cwd: user.home,
      env: { HOME: user.home },
      stdio: ['ignore', 'ignore', 'inherit', file.fd],
    })
    expect(await once(child, 'close')).toEqual([0, null])
  })

  it('stays locked to others, and nothing repeats the password', async () => {
    const wrong = await failToUnlock('locked.pem:pass=hunter2')
    expect(fatalMessage(wrong)).toBe(
      'Invalid decryption keys: locked.pem: Wrong password: could not decrypt private key',
    )
    expect(wrong.output).not.toContain('hunter2')
    expect(fatalMessage(await failToUnlock('locked.pem'))).toBe(
      'Invalid decryption keys: locked.pem: Missing password for encrypted private key',
    )
  })
})

it('a layer that was tampered with is not stored', async () => {
  const directory = join(user.home, 'tampered/blobs/sha256')
  await copy([], 'oci:encrypted:encrypted', 'oci:tampered:x')
  const readJson = async (path: string): Promise<Record<string, never>> =>
    JSON.parse(await readFile(join(user.home, path), 'utf8')) as Record<string, never>
  const index = await readJson('tampered/index.json')
  const [{ digest }] = index['manifests'] as unknown as [{ digest: string }]
  const manifest = await readJson(`tampered/blobs/sha256/${digest.slice(7)}`)
  const [layer] = manifest['layers'] as unknown as [{ annotations: Record<string, string> }]
  const name = 'org.opencontainers.image.enc.pubopts'
  const options = JSON.parse(Buffer.from(layer.annotations[name]!, 'base64').toString()) as object
  const forged = { ...options, hmac: Buffer.alloc(32).toString('base64') }
  layer.annotations[name] = Buffer.from(JSON.stringify(forged)).toString('base64')
  const bytes = Buffer.from(JSON.stringify(manifest))
  await writeFile(join(directory, digestOf(bytes).slice(7)), bytes)
  const entry = { mediaType: manifest['mediaType'] ?? 'application/vnd.oci.image.manifest.v1+json' }
  const manifests = [{ ...entry, digest: digestOf(bytes), size: bytes.length }]
  await writeFile(join(user.home, 'tampered/index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  const message = await messageOfFailure(['--decryption-key', 'private.pem'], 'oci:tampered', 'oci:forged:x')
  expect(message).toMatch(
    /^writing blob: happened during read: could not properly decrypt byte stream; exp hmac: '0{64}', actual hmac: '[0-9a-f]{64}'$/,
  )
  expect(Object.keys(await readTree(join(user.home, 'forged'))).join()).not.toContain(
    one.digest.slice('sha256:'.length),
  )
})

describe('refused in skopeo’s words', () => {
  it.each([
    [['--encrypt-layer', '0'], '--encrypt-layer can only be used with --encryption-key'],
    [
      ['--encryption-key', 'jwe:public.pem', '--encrypt-layer', '0,7'],
      'when choosing layers to encrypt, layer index 7 out of range (3 layers exist)',
    ],
    [['--encryption-key', 'public.pem'], 'Invalid encryption keys: Invalid recipient format'],
    [['--encryption-key', 'x:public.pem'], 'Invalid encryption keys: Provided protocol not recognized'],
    [['--encryption-key', 'jwe:private.pem'], 'Invalid encryption keys: File provided is not a public key'],
    [['--decryption-key', '/missing'], 'Invalid decryption keys: open /missing: no such file or directory'],
    [
      ['--encryption-key', 'jwe:/missing'],
      'Invalid encryption keys: Unable to read file: open /missing: no such file or directory',
    ],
    [
      ['--encrypt-layer', 'x'],
      'invalid argument "x" for "--encrypt-layer" flag: strconv.Atoi: parsing "x": invalid syntax',
    ],
  ])('%j', async (flags, message) => {
    expect(await messageOfFailure(flags, 'oci:three:three')).toBe(message)
  })
})
