/**
 * What `npm start`, `npm test` and `npm run setup` run, on a machine that has nothing but Node 20 or later and npm:
 * the pinned Node and pnpm, then the dependencies, then the CLI, each only if it is not there yet. Says one line on
 * standard error for each step it takes, and nothing when there is nothing to do. Needs no network the second time.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { printSummary, removeResults } from './summary.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const bootstrap = join(root, '.bootstrap')
const tools = { node: '24.21.0', pnpm: '12.21.0' }

/** Everything this starts uses the pinned Node, whatever Node runs this file. */
const env = {
  ...process.env,
  PATH: [join(bootstrap, 'node_modules/.bin'), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
}

const [command, ...rest] = process.argv.slice(2)
const commands = { setup: prepare, start, test }
if (!Object.hasOwn(commands, command ?? '')) {
  console.error(`usage: node tools/bootstrap/run.mjs ${Object.keys(commands).join('|')}`)
  process.exit(1)
}
await commands[command](rest)

/** The CLI with these arguments, or the demonstration if there are none. */
async function start(args) {
  await prepare()
  const cli = join(root, 'apps/transload/dist/main.cjs')
  const script = args.length > 0 ? [cli, ...args] : [join(root, 'tools/demo/src/demo.ts'), cli]
  // npm runs scripts in the package's folder; paths on the command line are relative to where the user stands
  exitLike(await run('node', script, { cwd: process.env.INIT_CWD ?? process.cwd() }))
}

/** Unit, contract and end-to-end tests of every package. Nothing here needs a tool beyond Node. */
async function test(args) {
  await prepare()
  removeResults(root, ['test', 'e2e'])
  const outcome = await run('turbo', [
    'run',
    'test',
    'e2e',
    '--concurrency=2',
    '--continue',
    '--output-logs=new-only',
    ...args,
  ])
  printSummary(root, ['test', 'e2e'])
  exitLike(outcome)
}

async function prepare() {
  await step('Node and pnpm', join(bootstrap, 'node_modules'), JSON.stringify(tools), async () => {
    mkdirSync(bootstrap, { recursive: true })
    // npm 11 runs install scripts only of packages named here; older versions run them all
    const manifest = { private: true, dependencies: tools, allowScripts: { node: true, pnpm: true } }
    writeFileSync(join(bootstrap, 'package.json'), JSON.stringify(manifest))
    await mustRun('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: bootstrap,
      env: process.env,
    })
  })
  const lockfile = hashOf([join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml')], readFileSync)
  await step('dependencies', join(root, 'node_modules'), lockfile, async () => {
    await mustRun('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'])
  })
  await step('the transload command', join(root, 'apps/transload/dist/main.cjs'), sourcesOfCli(), async () => {
    await mustRun('pnpm', ['--filter', 'transload', '--silent', 'run', 'build'])
  })
}

/** Does `work`, which makes `product`, unless it was done for this very `state`. */
async function step(title, product, state, work) {
  const stamp = join(bootstrap, `${title.replaceAll(' ', '-')}.stamp`)
  if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return
  const startedAt = Date.now()
  process.stderr.write(`transload set-up: ${title} …\n`)
  await work()
  writeFileSync(stamp, state)
  process.stderr.write(`transload set-up: ${title} ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
}

/** Changes when a file the bundle is made of changes. Times and sizes, not contents: it runs before every command. */
function sourcesOfCli() {
  const app = join(root, 'apps/transload')
  const configs = readdirSync(app).filter((name) => name.includes('.config.'))
  const packages = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))
  const files = [...packages, app].flatMap((folder) =>
    everythingIn(join(folder, 'src')).concat(join(folder, 'package.json')),
  )
  files.push(join(root, 'pnpm-lock.yaml'), ...configs.map((name) => join(app, name)))
  return hashOf(
    files.filter((file) => existsSync(file)),
    (file) => {
      const { mtimeMs, size } = statSync(file)
      return `${mtimeMs} ${size}`
    },
  )
}

function everythingIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, name))
}

function hashOf(files, describe) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\0`).update(describe(file)).update('\0')
  return hash.digest('hex')
}

/** Runs a program without a word, unless it fails: then its output is shown and this process ends like it. */
async function mustRun(program, args, options) {
  const output = []
  const collect = (child) => {
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk))
  }
  const outcome = await run(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options }, collect)
  if (outcome.code === 0) return
  process.stderr.write(Buffer.concat(output))
  process.stderr.write(`transload set-up: "${program} ${args.join(' ')}" failed\n`)
  exitLike(outcome)
}

function ignore() {}

/** Runs a program to its end. Signals sent to this process reach it; the terminal's own reach it without our help. */
function run(program, args, options, watch = ignore) {
  return new Promise((resolveRun) => {
    const child = spawn(program, args, {
      cwd: root,
      env,
      stdio: 'inherit',
      shell: process.platform === 'win32' && program !== 'node',
      ...options,
    })
    watch(child)
    const forward = (signal) => child.kill(signal)
    process.on('SIGTERM', forward).on('SIGHUP', forward).on('SIGINT', ignore)
    child.on('error', (error) => {
      process.stderr.write(`transload: cannot run ${program}: ${error.message}\n`)
      resolveRun({ code: 1, signal: null })
    })
    child.on('close', (code, signal) => {
      process.off('SIGTERM', forward).off('SIGHUP', forward).off('SIGINT', ignore)
      resolveRun({ code, signal })
    })
  })
}

function exitLike({ code, signal }) {
  process.exit(code ?? 128 + constants.signals[signal])
}
