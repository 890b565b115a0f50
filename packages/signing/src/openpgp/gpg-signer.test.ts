import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { digestOf } from '@transload/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { parsePayload } from '../payload.ts'
import { createGpgSigner, type GpgSignerOptions } from './gpg-signer.ts'

const claim = { manifest: digestOf(Buffer.from('image')), identity: 'example.com/app:1' }
const passphrase = 'correct horse battery staple'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'transload-gpg-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** A program that stands in for gpg, keeps how it was called, and then does what `script` says. */
async function options(script: string, more: Partial<GpgSignerOptions> = {}): Promise<GpgSignerOptions> {
  const program = join(directory, 'gpg')
  const record = `printf '%s\\n' "$@" >> ${directory}/arguments; env >> ${directory}/environment`
  await writeFile(program, `#!/bin/sh\n${record}\n${script}\n`)
  await chmod(program, 0o755)
  const environment = { PATH: [directory, '/usr/bin', '/bin'].join(delimiter), GNUPGHOME: directory }
  return { key: 'me', environment, ...more }
}

const reports = (line: string): string => `echo '[GNUPG:] ${line}' >&3`
/** "Signs" by giving back what is to be signed. */
const signing = `cat; ${reports('SIG_CREATED S 22 8 00 1 F')}`

it('has gpg sign the payload', async () => {
  const signer = await createGpgSigner(await options(signing, { creator: 'test 1', now: () => 1_700_000_000_999 }))
  expect(signer).toMatchObject({ method: 'simple signing', makes: 'simple' })
  const signature = await signer.sign(claim)
  if (signature.kind !== 'simple') throw new Error(signature.kind)
  expect(parsePayload(signature.bytes, 'atomic container signature')).toEqual({
    ...claim,
    creator: 'test 1',
    timestamp: 1_700_000_000,
  })
  expect((await readFile(join(directory, 'arguments'), 'utf8')).split('\n')).toEqual(
    expect.arrayContaining(['--batch', '--local-user=me', '--sign']),
  )
})

it('takes the key for no option', async () => {
  const signer = await createGpgSigner(await options(signing, { key: '--output=/etc/passwd' }))
  await signer.sign(claim)
  const given = (await readFile(join(directory, 'arguments'), 'utf8')).split('\n')
  expect(given).toContain('--local-user=--output=/etc/passwd')
  expect(given[given.indexOf('--output=/etc/passwd') - 1]).toBe('--')
})

it('gives the passphrase through a pipe, and to nobody else', async () => {
  const keeping = `cat <&4 > ${directory}/passphrase; ${signing}`
  await (await createGpgSigner(await options(keeping, { passphrase }))).sign(claim)
  expect(await readFile(join(directory, 'passphrase'), 'utf8')).toBe(`${passphrase}\n`)
  for (const file of ['arguments', 'environment']) {
    expect(await readFile(join(directory, file), 'utf8')).not.toContain('staple')
  }
})

describe('says before anything is signed', () => {
  it.each([
    ['that the passphrase is wrong', reports('FAILURE sign 67108875'), 'DECRYPTION_FAILED', 'Bad passphrase'],
    ['that there is no such key', reports('FAILURE sign 17'), 'CONFIG_INVALID', 'key "me" not found'],
    ['that the key cannot be used', reports('FAILURE sign 54'), 'CONFIG_INVALID', 'Unusable secret key'],
    ['what gpg says', "echo 'gpg: no luck' >&2", 'CONFIG_INVALID', 'gpg: no luck'],
    ['that gpg says nothing', 'true', 'CONFIG_INVALID', 'gpg could not sign'],
  ])('%s', async (_, failure, code, message) => {
    const failing = options(`cat > /dev/null; ${failure}; exit 2`, { passphrase })
    await expect(createGpgSigner(await failing)).rejects.toMatchObject({ code, message })
  })

  it('that there is no such key, without a passphrase', async () => {
    await expect(createGpgSigner(await options('exit 2'))).rejects.toMatchObject({ message: 'key "me" not found' })
  })

  it('that there is no gpg', async () => {
    await expect(createGpgSigner({ key: 'me', environment: { PATH: directory } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'exec: "gpg": executable file not found in $PATH',
      hint: expect.stringContaining('--sign-by-key-file'),
    })
  })
})

it('takes nothing for a signature that gpg does not call one', async () => {
  const signer = await createGpgSigner(await options('cat'))
  await expect(signer.sign(claim)).rejects.toMatchObject({ message: 'gpg could not sign' })
})

it('tells what to do when gpg cannot ask', async () => {
  const failing = `${reports('PINENTRY_LAUNCHED 1 curses')}; ${reports('FAILURE sign 83918950')}; exit 2`
  const signer = await createGpgSigner(await options(`case "$*" in *--list*) exit 0;; esac; ${failing}`))
  await expect(signer.sign(claim)).rejects.toMatchObject({ hint: expect.stringContaining('GPG_TTY') })
})

it('reads no more than any signature takes', async () => {
  const signer = await createGpgSigner(await options('case "$*" in *--list*) exit 0;; esac; exec yes'))
  await expect(signer.sign(claim)).rejects.toMatchObject({ code: 'SIZE_LIMIT' })
})

it('ends gpg when aborted', async () => {
  const waiting = `case "$*" in *--list*) exit 0;; esac; echo $$ > ${directory}/pid; mkfifo ${directory}/never; read line < ${directory}/never`
  const signer = await createGpgSigner(await options(waiting))
  const abort = new AbortController()
  const signed = signer.sign(claim, { signal: abort.signal })
  const pid = await untilWritten(join(directory, 'pid'))
  const reason = new Error('enough')
  abort.abort(reason)
  await expect(signed).rejects.toBe(reason)
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
})

it('does not sign for nobody', async () => {
  const signer = await createGpgSigner(await options(signing))
  await expect(signer.sign({ ...claim, identity: '' })).rejects.toMatchObject({
    message: 'Unexpected empty signature content',
  })
})

async function untilWritten(file: string): Promise<number> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text.endsWith('\n')) return Number(text)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
