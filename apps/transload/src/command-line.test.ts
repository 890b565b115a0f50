import { describe, expect, it } from 'vitest'

import { readCommandLine } from './command-line.ts'
import { commandTable } from './command-table.ts'
import { globalFlags, rootOnlyFlags } from './options/global-options.ts'

async function readRun(words: string): Promise<{
  readonly globals: Record<string, unknown>
  readonly values: Record<string, Record<string, unknown>>
  readonly positionals: readonly string[]
}> {
  const { globals, request } = await readCommandLine(words.split(' '))
  const read = await request()
  if (read.kind !== 'run') throw new Error('the command line asks for help')
  return { globals, values: read.values, positionals: read.positionals }
}

async function readText(words: string): Promise<string> {
  const { request } = await readCommandLine(words.split(' ').filter(Boolean))
  const read = await request()
  return read.kind === 'print' ? read.text : ''
}

describe('global flags', () => {
  it('come before and after the command, and the last one wins', async () => {
    const { globals } = await readRun('--override-arch arm64 --debug inspect --override-arch s390x dir:x')
    expect(globals).toMatchObject({ overrideArch: 's390x', debug: true, insecurePolicy: undefined })
  })

  it('keep --tls-verify before the command apart from the command’s own', async () => {
    const { globals, values } = await readRun('--tls-verify=false inspect --tls-verify dir:x')
    expect(globals['tlsVerify']).toBe(false)
    expect(values['access']?.['tlsVerify']).toBe(true)
  })

  it('collect lists', async () => {
    const { globals } = await readRun('--plugin a,b inspect --plugin c dir:x')
    expect(globals['plugin']).toEqual(['a', 'b', 'c'])
  })

  it('do not include --version behind the command', async () => {
    await expect(readCommandLine(['inspect', '--version'])).rejects.toThrow('unknown flag: --version')
  })

  it('let -v before a command pass', async () => {
    expect((await readRun('-v inspect dir:x')).positionals).toEqual(['dir:x'])
  })
})

describe('flags of a command', () => {
  it('are absent, not false, when they are not given', async () => {
    const { values } = await readRun('copy a b')
    expect(values['source']?.['tlsVerify']).toBeUndefined()
    expect(values['copy']?.['all']).toBeUndefined()
  })

  it('keep an empty value apart from an absent one', async () => {
    const { values } = await readRun('inspect --creds= dir:x')
    expect(values['access']?.['creds']).toBe('')
  })

  it('keep --no-creds apart from --creds', async () => {
    const { values } = await readRun('inspect --no-creds --creds=u:p dir:x')
    expect(values['access']).toMatchObject({ noCreds: true, creds: 'u:p' })
  })

  it('share one value with their older spelling', async () => {
    const { values } = await readRun('copy --src-creds=a --screds=b --dcreds c x y')
    expect(values['source']?.['creds']).toBe('b')
    expect(values['destination']?.['creds']).toBe('c')
  })

  it('are undone by =false', async () => {
    const { values } = await readRun('copy -qaf oci --all=false x y')
    expect(values['copy']).toMatchObject({ quiet: true, all: false, format: 'oci' })
  })
})

describe('requests', () => {
  it.each(['--help', '-h', 'copy --help', 'copy -h a', '--help copy'])('print help for %s', async (words) => {
    expect(await readText(words)).toContain('Usage:\n  transload ')
  })

  it.each(['--version', '-v', '--debug --version'])('print the version for %s', async (words) => {
    expect(await readText(words)).toMatch(/^transload version \d+\.\d+\.\d+\n$/)
  })

  it.each([
    ['', "Missing command 'transload COMMAND'\nTry 'transload --help' for more information"],
    ['bogus', "Unrecognized command `transload bogus`\nTry 'transload --help' for more information"],
    ['insp', 'Unrecognized command `transload insp`\n\nDid you mean this?\n\tinspect\n\nTry'],
    ['--raw inspect x', 'unknown flag: --raw'],
    ['inspect --cert-path=/', 'unknown flag: --cert-path'],
  ])('refuse %j', async (words, problem) => {
    await expect(readText(words)).rejects.toThrow(problem)
  })
})

it('declares every flag of every command once, under a key of its own', async () => {
  for (const { name, load } of commandTable) {
    const command = await load()
    expect(command.name).toBe(name)
    const groups = [globalFlags, ...Object.values(command.flags)]
    const names = groups.flatMap((group) => Object.values(group).map(({ long }) => long))
    expect(new Set(names).size).toBe(names.length)
  }
  expect(Object.keys(rootOnlyFlags)).toEqual(['tlsVerify', 'version'])
})
