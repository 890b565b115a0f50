import { displayText, systemErrorCode, TransloadError, type OperationOptions, type Signer } from '@transload/contract'

import { runProgram, type ProgramOutcome } from './run-program.ts'
import { simpleSigner, type SimpleSignerOptions } from './simple-signer.ts'

export interface GpgSignerOptions extends SimpleSignerOptions {
  /** As gpg takes it: fingerprint, key ID or user ID. The key may be in an agent or on a card. */
  readonly key: string
  /** gpg's whole environment: `PATH` is where it is looked for, and `GNUPGHOME` or `HOME` say where the keys are. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Given to gpg through a pipe. Absent or empty: gpg-agent asks for one if there is one to be asked for. */
  readonly passphrase?: string | undefined
}

/**
 * Signs with a key of a GnuPG home, through gpg (trust.md §2). Whether the key is there, and a passphrase given fits, is
 * tried out first. Throws CONFIG_INVALID where gpg or the key is missing or cannot be used, DECRYPTION_FAILED for a wrong
 * passphrase; so does the signer.
 */
export async function createGpgSigner(options: GpgSignerOptions, operation: OperationOptions = {}): Promise<Signer> {
  const sign = async (content: Uint8Array, within: OperationOptions): Promise<Uint8Array> => {
    const outcome = await runGpg([`--local-user=${options.key}`, '--sign'], content, options, within)
    const status = readStatus(outcome)
    if (status.has('SIG_CREATED') && outcome.exitCode === 0) return outcome.stdout
    throw explain(outcome, status, options)
  }
  // To sign something else means to ask somebody who was not told what for; not with a passphrase.
  if (options.passphrase) await sign(new Uint8Array(), operation)
  else await checkKey(options, operation)
  return simpleSigner('simple signing', sign, options)
}

async function checkKey(options: GpgSignerOptions, operation: OperationOptions): Promise<void> {
  const args = ['--with-colons', '--list-secret-keys', '--', options.key]
  const outcome = await runGpg(args, new Uint8Array(), options, operation)
  if (outcome.exitCode !== 0) throw keyNotFound(options)
}

async function runGpg(
  args: readonly string[],
  input: Uint8Array,
  { environment, passphrase }: GpgSignerOptions,
  operation: OperationOptions,
): Promise<ProgramOutcome> {
  const fixed = ['--batch', '--no-tty', '--no-armor', '--no-textmode', '--status-fd=3']
  const loopback = passphrase ? ['--pinentry-mode=loopback', '--passphrase-fd=4'] : []
  const descriptors = [undefined, ...(passphrase ? [`${passphrase}\n`] : [])]
  try {
    return await runProgram('gpg', [...fixed, ...loopback, ...args], { environment, input, descriptors }, operation)
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    throw cannotRun(error)
  }
}

/** What gpg reports to programs (its doc/DETAILS): keyword → the rest of its last line. */
function readStatus({ written }: ProgramOutcome): ReadonlyMap<string, string> {
  const lines = written
    .join('')
    .split('\n')
    .flatMap((line) => {
      const [, keyword, rest = ''] = /^\[GNUPG:\] (\S+) ?(.*)$/.exec(line) ?? []
      return keyword === undefined ? [] : [[keyword, rest] as const]
    })
  return new Map(lines)
}

// Of libgpg-error, the low 16 bits of what gpg reports.
const badPassphrase = 11
const noSecretKey = 17
const unusableSecretKey = 54

function explain(
  { stderr }: ProgramOutcome,
  status: ReadonlyMap<string, string>,
  options: GpgSignerOptions,
): TransloadError {
  const [, reported = ''] = status.get('FAILURE')?.split(' ') ?? []
  switch (Number(reported) & 0xff_ff) {
    case badPassphrase:
      return new TransloadError('DECRYPTION_FAILED', 'Bad passphrase')
    case noSecretKey:
      return keyNotFound(options)
    case unusableSecretKey:
      return new TransloadError('CONFIG_INVALID', 'Unusable secret key', {
        hint: `The key ${options.key} is expired, revoked, or not for signing.`,
      })
    default: {
      const said = displayText(stderr.trim().split('\n').at(-1) ?? '', 500)
      const hint = status.has('PINENTRY_LAUNCHED')
        ? 'gpg-agent could not ask for the passphrase: tell it the terminal (export GPG_TTY=$(tty)), or use --sign-passphrase-file.'
        : undefined
      return new TransloadError('CONFIG_INVALID', said === '' ? 'gpg could not sign' : said, { hint })
    }
  }
}

function keyNotFound({ key }: GpgSignerOptions): TransloadError {
  return new TransloadError('CONFIG_INVALID', `key ${JSON.stringify(key)} not found`, {
    hint: 'gpg --list-secret-keys lists the keys that can sign.',
  })
}

function cannotRun(cause: unknown): TransloadError {
  if (systemErrorCode(cause) !== 'ENOENT') {
    return new TransloadError('CONFIG_INVALID', `gpg cannot be run: ${String(cause)}`, { cause })
  }
  return new TransloadError('CONFIG_INVALID', 'exec: "gpg": executable file not found in $PATH', {
    cause,
    hint: 'Install GnuPG, or sign with an exported secret key: --sign-by-key-file FILE.',
  })
}
