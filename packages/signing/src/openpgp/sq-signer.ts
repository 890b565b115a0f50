import { displayText, systemErrorCode, TransloadError, type OperationOptions, type Signer } from '@transload/contract'

import { runProgram, type ProgramOutcome } from './run-program.ts'
import { simpleSigner, type SimpleSignerOptions } from './simple-signer.ts'

export interface SqSignerOptions extends SimpleSignerOptions {
  /** Fingerprint or key ID of a key in Sequoia's key store. */
  readonly key: string
  /** sq's whole environment: `PATH` is where it is looked for, and `SEQUOIA_HOME` or `HOME` say where the keys are. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Given to sq through a pipe. Absent or empty: the key has to be unlocked. */
  readonly passphrase?: string | undefined
}

/**
 * Signs with a key of Sequoia's key store, through its program `sq`, version 1 (trust.md §2). Signs once to try the key
 * out. Throws UNSUPPORTED where there is no sq, CONFIG_INVALID where the key is missing or cannot be used, be it for its
 * passphrase; so does the signer.
 */
export async function createSqSigner(options: SqSignerOptions, operation: OperationOptions = {}): Promise<Signer> {
  const sign = async (content: Uint8Array, within: OperationOptions): Promise<Uint8Array> => {
    const outcome = await runSq(content, options, within)
    if (outcome.exitCode === 0 && outcome.stdout.length > 0) return outcome.stdout
    throw explain(outcome, options)
  }
  await sign(new Uint8Array(), operation)
  return simpleSigner('Sequoia-PGP simple signing', sign, options)
}

/** sq opens what has the passphrase by name, and what Node.js calls pipes are sockets, which cannot be opened so. */
const withPassphrase = '{ cat <&3 | sq "$@" 5<&0 0<&4 3<&-; } 4<&0'

async function runSq(
  input: Uint8Array,
  { key, environment, passphrase }: SqSignerOptions,
  operation: OperationOptions,
): Promise<ProgramOutcome> {
  const signing = ['sign', '--message', '--binary', `--signer=${key}`]
  try {
    if (!passphrase) return await runProgram('sq', ['--batch', ...signing], { environment, input }, operation)
    const args = ['-c', withPassphrase, 'sh', '--batch', '--password-file=/dev/fd/5', ...signing]
    return await runProgram('sh', args, { environment, input, descriptors: [passphrase] }, operation)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
    throw notInstalled()
  }
}

/** What a shell ends with when it does not find a program. */
const notFoundCode = 127

function explain({ exitCode, stderr }: ProgramOutcome, { key }: SqSignerOptions): TransloadError {
  if (exitCode === notFoundCode) return notInstalled()
  if (stderr.includes(`${key} was not found`)) {
    return new TransloadError('CONFIG_INVALID', `key ${JSON.stringify(key)} not found`, {
      hint: 'sq key list lists the keys that can sign.',
    })
  }
  if (stderr.includes('no suitable key')) {
    return new TransloadError('CONFIG_INVALID', 'Unusable secret key', {
      hint: 'It is expired, revoked or not for signing, or its passphrase is another: --sign-passphrase-file.',
    })
  }
  const problem = /^\s*error: (?<problem>.*)$/im.exec(stderr)?.groups?.['problem'] ?? stderr.trim()
  return new TransloadError('CONFIG_INVALID', `sq: ${displayText(problem, 500)}`, {
    hint: 'It takes sq 1.0 or newer (sq version).',
  })
}

function notInstalled(): TransloadError {
  return new TransloadError('UNSUPPORTED', 'Sequoia-PGP support is not enabled in this build', {
    hint: "Install Sequoia's program sq, which signs.",
  })
}
