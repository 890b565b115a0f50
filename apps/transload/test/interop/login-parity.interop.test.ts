import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { peer, requirePeers } from '@transload/peers'
import { htpasswdLine, startRegistryServer, type RegistryServer } from '@transload/registry-server'
import { fixtureImage } from '@transload/transport-conformance/fixtures'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, type Outcome, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'

const missing = requirePeers('skopeo')

let user: User
let registry: RegistryServer
beforeAll(async () => {
  if (missing) return
  user = await createUser()
  registry = await startRegistryServer({
    directory: join(user.home, 'registry'),
    auth: { htpasswd: await htpasswdLine('testuser', 'testpassword', 4), scheme: 'token' },
  })
  await writeToLayout(fixtureImage(), join(user.home, 'images'), 'v1')
  const flags = ['-q', '--dest-tls-verify=false', '--dest-creds=testuser:testpassword']
  await user.succeed(['copy', ...flags, 'oci:images:v1', `docker://${registry.host}/team/app:1`])
})
afterAll(async () => {
  await registry?.close()
  await user?.[Symbol.asyncDispose]()
})

/** All that a case may leave behind is in here. */
const kept = 'case'
const runtimeFile = 'run/containers/auth.json'
const userFile = '.config/containers/auth.json'
const dockerFile = '.docker/config.json'

/** `HOST` stands for the registry, `CASE` for the home directory of the case. */
interface Case {
  readonly files?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly words: readonly string[]
  /** What is wrong with a file is told in other words. */
  readonly isToldDifferently?: true
}

interface Trace {
  readonly code: number | null
  readonly stdout: string
  /** Messages without their time. */
  readonly log: readonly string[]
  readonly files: Readonly<Record<string, string>>
}

function entry(account: string): { auth: string } {
  return { auth: Buffer.from(account).toString('base64') }
}

const good = entry('testuser:testpassword')
const bad = entry('testuser:wrong')

async function trace({ files = {}, env = {}, input, words }: Case, program: 'transload' | 'skopeo'): Promise<Trace> {
  const home = join(user.home, kept)
  const filled = (text: string): string => text.replaceAll('HOST', registry.host).replaceAll('CASE', home)
  await rm(home, { recursive: true, force: true })
  await mkdir(join(home, 'run'), { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    const path = join(home, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, filled(typeof content === 'string' ? content : JSON.stringify(content)))
  }
  const given = Object.entries({
    HOME: 'CASE',
    XDG_RUNTIME_DIR: 'CASE/run',
    XDG_CACHE_HOME: join(user.home, 'cache'),
    PATH: process.env['PATH'] ?? '',
    ...env,
  })
  const environment = Object.fromEntries(given.map(([name, value]) => [name, filled(value)]))
  const { code, stdout, stderr } = await runProgram(program, words.map(filled), environment, input)
  // Of an UNAUTHORIZED without details skopeo shows the code, transload the meaning.
  const shown = (text: string): string =>
    text
      .replaceAll(home, 'CASE')
      .replaceAll(registry.host, 'HOST')
      .replaceAll('username/password: unauthorized', 'username/password: authentication required')
  return {
    code,
    stdout: shown(stdout),
    log: shown(stderr)
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^time="[^"]*" /, ''))
      .filter((line) => !line.startsWith('level=info')),
    files: await readFiles(home, shown),
  }
}

async function runProgram(
  program: 'transload' | 'skopeo',
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input: string | undefined,
): Promise<Pick<Outcome, 'code' | 'stdout' | 'stderr'>> {
  const options = input === undefined ? { env } : { env, input }
  if (program === 'transload') return await user.run(words, options)
  const { code = null, stdout, stderr } = await peer('skopeo').run(words, { cwd: user.home, ...options })
  return { code, stdout, stderr }
}

async function readFiles(home: string, shown: (text: string) => string): Promise<Record<string, string>> {
  const found = await readdir(home, { recursive: true, withFileTypes: true })
  const paths = found
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
    .toSorted()
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [shown(path), shown(await readFile(path, 'utf8'))] as const)),
  )
}

const login = ['login', '--tls-verify=false']
const asUser = ['-u', 'testuser', '-p', 'testpassword']
const inspect = ['inspect', '--raw', '--tls-verify=false', 'docker://HOST/team/app:1']
const cases: Readonly<Record<string, Case>> = {
  login: { words: [...login, ...asUser, '-v', 'HOST'] },
  'login beside others': {
    files: { [runtimeFile]: { auths: { 'a.test': good, 'z.test': bad } } },
    words: [...login, ...asUser, 'HOST'],
  },
  'login to a file': { words: [...login, ...asUser, '--authfile=CASE/deep/file', 'HOST'] },
  'login to a Docker file': {
    files: { 'd.json': { auths: {}, other: { a: 1 } } },
    words: [...login, ...asUser, '--compat-auth-file=CASE/d.json', 'HOST'],
  },
  'login by REGISTRY_AUTH_FILE': {
    env: { REGISTRY_AUTH_FILE: 'CASE/file' },
    words: [...login, ...asUser, '-v', 'HOST'],
  },
  'login by DOCKER_CONFIG': { env: { DOCKER_CONFIG: 'CASE/docker' }, words: [...login, ...asUser, '-v', 'HOST'] },
  'login to a namespace': { words: [...login, ...asUser, 'HOST/team'] },
  'login to a namespace in a Docker file': {
    words: [...login, ...asUser, '--compat-auth-file=CASE/d.json', 'HOST/team'],
  },
  'login to a URL': { words: [...login, ...asUser, 'https://HOST/team'] },
  'login to a tag': { words: [...login, ...asUser, 'HOST/team:1'] },
  'login to nothing': { words: [...login, ...asUser] },
  'login to two': { words: [...login, ...asUser, 'HOST', 'HOST'] },
  'login with a wrong password': { words: [...login, '-u', 'testuser', '-p', 'x', 'HOST'] },
  'login with a password on stdin': {
    input: 'testpassword\n',
    words: [...login, '-u', 'testuser', '--password-stdin', 'HOST'],
  },
  'login with stdin and no user': { input: 'testpassword\n', words: [...login, '--password-stdin', 'HOST'] },
  'login with both passwords': { words: [...login, ...asUser, '--password-stdin', 'HOST'] },
  'login with both files': { words: [...login, ...asUser, '--authfile=a', '--compat-auth-file=b', 'HOST'] },
  'login that asks': { input: '', words: [...login, 'HOST'] },
  'login that asks for the password': { input: 'testuser\n', words: [...login, 'HOST'] },
  'login with stored credentials': { files: { [runtimeFile]: { auths: { HOST: good } } }, words: [...login, 'HOST'] },
  'login with stored credentials of Docker': {
    files: { [dockerFile]: { auths: { HOST: good } } },
    words: [...login, 'HOST'],
  },
  'login with stored credentials that are bad': {
    files: { [runtimeFile]: { auths: { HOST: bad } } },
    input: '',
    words: [...login, 'HOST'],
  },
  'login with an identity token': {
    files: { [runtimeFile]: { auths: { HOST: { ...good, identitytoken: 'x' } } } },
    words: [...login, ...asUser, 'HOST'],
  },
  'login with a malformed file': {
    isToldDifferently: true,
    files: { [runtimeFile]: '{"auths":[]}' },
    words: [...login, ...asUser, 'HOST'],
  },
  'login to the file of Docker': {
    files: { [dockerFile]: { auths: {} } },
    words: [...login, ...asUser, '--authfile=CASE/.docker/config.json', 'HOST'],
  },
  'login to a registry that is not there': { words: [...login, ...asUser, '127.0.0.1:1'] },
  'get-login': { files: { [runtimeFile]: { auths: { HOST: good } } }, words: [...login, '--get-login', 'HOST'] },
  'get-login of a namespace': {
    files: { [runtimeFile]: { auths: { HOST: good } } },
    words: [...login, '--get-login', 'HOST/team'],
  },
  'get-login of nobody': { words: [...login, '--get-login', 'HOST'] },
  logout: { files: { [runtimeFile]: { auths: { HOST: good, 'HOST/team': good } } }, words: ['logout', 'HOST'] },
  'logout of a namespace': {
    files: { [runtimeFile]: { auths: { HOST: good, 'HOST/team': good } } },
    words: ['logout', 'HOST/team'],
  },
  'get-login with DOCKER_CONFIG looks there only': {
    env: { DOCKER_CONFIG: 'CASE/docker' },
    files: { [runtimeFile]: { auths: { HOST: good } } },
    words: [...login, '--get-login', 'HOST'],
  },
  'get-login from the file of Docker': {
    env: { REGISTRY_AUTH_FILE: 'CASE/.docker/config.json' },
    files: { [dockerFile]: { auths: { HOST: good } } },
    words: [...login, '--get-login', 'HOST'],
  },
  'logout from a file looks there only': {
    files: { file: { auths: {} }, [dockerFile]: { auths: { HOST: good } } },
    words: ['logout', '--tls-verify=false', '--authfile=CASE/file', 'HOST'],
  },
  'logout of nobody': { words: ['logout', 'HOST'] },
  'logout of who is logged in with Docker': {
    files: { [dockerFile]: { auths: { HOST: good } } },
    words: ['logout', '--tls-verify=false', 'HOST'],
  },
  'logout of all': { files: { [runtimeFile]: { auths: { HOST: good, 'a.test': good } } }, words: ['logout', '--all'] },
  'logout of all and one': { words: ['logout', '--all', 'HOST'] },
  'logout of nothing': { words: ['logout'] },
  'logout of two': { words: ['logout', 'HOST', 'HOST'] },
  'logout with a file that is not there': { words: ['logout', '--authfile=CASE/none', 'HOST'] },
  'logout with a Docker file': {
    files: { 'd.json': { auths: { HOST: good }, other: 1 } },
    words: ['logout', '--compat-auth-file=CASE/d.json', 'HOST'],
  },
  'read: the longest key': {
    files: { [runtimeFile]: { auths: { HOST: bad, 'HOST/team': bad, 'HOST/team/app': good } } },
    words: inspect,
  },
  'read: a key of another repository': {
    files: { [runtimeFile]: { auths: { 'HOST/tea': good, 'HOST/team/ap': good, 'HOST/team/app/x': good } } },
    words: inspect,
  },
  'read: a key with a tag': { files: { [runtimeFile]: { auths: { 'HOST/team/app:1': good } } }, words: inspect },
  'read: the runtime file first': {
    files: { [runtimeFile]: { auths: { HOST: bad } }, [userFile]: { auths: { HOST: good } } },
    words: inspect,
  },
  'read: the file of the user': {
    files: {
      [runtimeFile]: { auths: {} },
      [userFile]: { auths: { HOST: good } },
      [dockerFile]: { auths: { HOST: bad } },
    },
    words: inspect,
  },
  'read: XDG_CONFIG_HOME': {
    env: { XDG_CONFIG_HOME: 'CASE/xdg' },
    files: { 'xdg/containers/auth.json': { auths: { HOST: good } }, [userFile]: { auths: { HOST: bad } } },
    words: inspect,
  },
  'read: DOCKER_CONFIG': {
    env: { DOCKER_CONFIG: 'CASE/docker' },
    files: { 'docker/config.json': { auths: { 'HOST/team': good } }, [dockerFile]: { auths: { HOST: bad } } },
    words: inspect,
  },
  'read: a URL': { files: { [dockerFile]: { auths: { 'https://HOST/v1/': good } } }, words: inspect },
  'read: the legacy file': { files: { '.dockercfg': { 'https://HOST/v1/': good } }, words: inspect },
  'read: REGISTRY_AUTH_FILE alone': {
    env: { REGISTRY_AUTH_FILE: 'CASE/none' },
    files: { [runtimeFile]: { auths: { HOST: good } } },
    words: inspect,
  },
  'read: a flag before REGISTRY_AUTH_FILE': {
    env: { REGISTRY_AUTH_FILE: 'CASE/none' },
    files: { file: { auths: { HOST: good } } },
    words: [...inspect, '--authfile=CASE/file'],
  },
  'read: an entry without a colon': {
    isToldDifferently: true,
    files: { [runtimeFile]: { auths: { HOST: entry('nobody') } } },
    words: inspect,
  },
  'read: an empty file': { isToldDifferently: true, files: { [runtimeFile]: '' }, words: inspect },
  'read: without the runtime directory': {
    env: { XDG_RUNTIME_DIR: 'CASE/none' },
    files: { [userFile]: { auths: { HOST: good } } },
    words: inspect,
  },
  'read: a password that is wrong': { files: { [runtimeFile]: { auths: { HOST: bad } } }, words: inspect },
}

describe.skipIf(missing)(`credentials are kept and found as by skopeo ${missing ?? ''}`, () => {
  test.each(Object.entries(cases))('%s', async (_, given) => {
    const theirs = await trace(given, 'skopeo')
    const ours = await trace(given, 'transload')
    expect(given.isToldDifferently ? { ...ours, log: theirs.log } : ours).toEqual(theirs)
  })
})
