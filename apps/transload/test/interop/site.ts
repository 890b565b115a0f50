import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { peer, startDockerRegistry } from '@transload/peers'

import { createUser, type Outcome } from '../run-cli.ts'
import { startServing } from '../serving.ts'

/** Where both programs work side by side: a folder, two registries and an account of their own. */
export interface Site extends AsyncDisposable {
  /** Below `/tmp`, so that the tools of the Debian root see it. */
  readonly folder: string
  /** `127.0.0.1:PORT` of Debian's docker-registry, and of `transload serve`. */
  readonly registries: { readonly docker: string; readonly transload: string }
  readonly transload: Mover
  readonly skopeo: Mover
  /** A path in `folder` where nothing is yet. */
  newPath(): string
}

/** One of the two programs under comparison: the same words mean the same to both. */
export interface Mover {
  readonly name: 'transload' | 'skopeo'
  run(words: readonly string[]): Promise<Outcome>
  /** The same under the policy in a file; `run` accepts everything. */
  runUnder(policy: string, words: readonly string[]): Promise<Outcome>
  /** Without progress. */
  copy(flags: readonly string[], from: string, to: string): Promise<Outcome>
  inspect(flags: readonly string[], image: string): Promise<Outcome>
}

/** Both programs get `more` of an environment. */
export async function openSite(more: Readonly<Record<string, string>> = {}): Promise<Site> {
  await using opened = new AsyncDisposableStack()
  const user = opened.use(await createUser())
  const docker = opened.use(await startDockerRegistry({ delete: true }))
  const own = opened.use(await startServing(user, ['served']))
  const folder = join(user.home, 'site')
  await mkdir(folder)
  const closing = opened.move()
  let paths = 0
  const newPath = (): string => join(folder, `path-${++paths}`)
  return {
    folder,
    registries: { docker: docker.host, transload: own.host },
    transload: createMover('transload', (words) => user.run(words, { env: more })),
    skopeo: createMover('skopeo', async (words) => {
      // As anybody but root it keeps its cache there; without one it does not put back a layer that it knows from elsewhere.
      const env = { ...process.env, _CONTAINERS_ROOTLESS_UID: '1000', XDG_DATA_HOME: newPath(), ...more }
      const { code = null, stdout, stderr } = await peer('skopeo').run(words, { cwd: user.home, env })
      return { code, stdout, stderr, output: stdout + stderr }
    }),
    newPath,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  }
}

/** The outcome of what has to succeed; throws with what the program said if it did not. */
export async function succeeding(outcome: Promise<Outcome>): Promise<Outcome> {
  const { code, stdout, stderr, output } = await outcome
  if (code !== 0) throw new Error(`exit status ${code}\n${output}`)
  return { code, stdout, stderr, output }
}

function createMover(name: Mover['name'], run: Mover['run']): Mover {
  const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
  const any = ['--insecure-policy']
  return {
    name,
    run: (words) => run([...any, ...words]),
    runUnder: (policy, words) => run(['--policy', policy, ...words]),
    copy: (flags, from, to) => run([...any, 'copy', '--quiet', ...insecure, ...flags, from, to]),
    inspect: (flags, image) => run([...any, 'inspect', '--tls-verify=false', ...flags, image]),
  }
}
