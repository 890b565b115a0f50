import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { digestOf } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { parsePayload } from '../payload.ts'
import { createSqSigner, type SqSignerOptions } from './sq-signer.ts'

const claim = { manifest: digestOf(Buffer.from('image')), identity: 'example.com/app:1' }
const passphrase = 'correct horse battery staple'
const key = 'A58DDED9EEAE540FC785F3753C1A839702685A31'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'transload-sq-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** A program that stands in for sq, keeps how it was called, and then does what `script` says. */
async function options(script: string, more: Partial<SqSignerOptions> = {}): Promise<SqSignerOptions> {
  const program = join(directory, 'sq')
  const record = `printf '%s\\n' "$@" >> ${directory}/arguments; env >> ${directory}/environment`
  await writeFile(program, `#!/bin/sh\n${record}\n${script}\n`)
  await chmod(program, 0o755)
  return { key, environment: { PATH: `${directory}:/usr/bin:/bin` }, ...more }
}

/** "Signs" by giving back what is to be signed, behind something. */
const signing = 'printf :; cat'

async function signedBy(given: SqSignerOptions): Promise<unknown> {
  const signer = await createSqSigner(given)
  expect(signer).toMatchObject({ method: 'Sequoia-PGP simple signing', makes: 'simple' })
  const signature = await signer.sign(claim)
  if (signature.kind !== 'simple') throw new Error(signature.kind)
  return parsePayload(signature.bytes.subarray(1), 'atomic container signature')
}

it('has sq sign the payload', async () => {
  expect(await signedBy(await options(signing))).toMatchObject(claim)
  const given = (await readFile(join(directory, 'arguments'), 'utf8')).split('\n')
  expect(given).toEqual(expect.arrayContaining(['--batch', 'sign', '--message', `--signer=${key}`]))
})

it('gives the passphrase through a pipe that has a name, and to nobody else', async () => {
  const keeping = `cat /dev/fd/5 > ${directory}/passphrase; ${signing}`
  expect(await signedBy(await options(keeping, { passphrase }))).toMatchObject(claim)
  expect(await readFile(join(directory, 'passphrase'), 'utf8')).toBe(passphrase)
  for (const file of ['arguments', 'environment']) {
    expect(await readFile(join(directory, file), 'utf8')).not.toContain('staple')
  }
})

describe('says before anything is signed', () => {
  it.each([
    ['that there is no such key', `because: ${key} was not found`, `key "${key}" not found`],
    ['that the key cannot be used', 'because: Found no suitable key on it', 'Unusable secret key'],
    ['what sq says', "error: unexpected argument '--signer'", "sq: unexpected argument '--signer'"],
  ])('%s', async (_, said, message) => {
    const failing = await options(`echo "${said}" >&2; exit 1`)
    await expect(createSqSigner(failing)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
  })

  it.each([undefined, passphrase])('that there is no sq, with the passphrase %s', async (given) => {
    const missing = createSqSigner({ key, environment: { PATH: await placeWithShell() }, passphrase: given })
    await expect(missing).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'Sequoia-PGP support is not enabled in this build',
    })
  })
})

/** Where the shell is, and nothing else. */
async function placeWithShell(): Promise<string> {
  for (const program of ['sh', 'cat']) await symlink(`/bin/${program}`, join(directory, program))
  return directory
}
