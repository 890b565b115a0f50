import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'

import { startRegistryServer } from '@transload/registry-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createUser, type User } from '../run-cli.ts'
import { writeToLayout } from '../write-image.ts'
import { mebibyte, streamedImage } from './image.ts'

/** Written when the program ends: what Linux says it had in memory at most, in KiB. */
const peakReport = `
  import { readFileSync, writeFileSync } from 'node:fs'
  process.on('exit', () => writeFileSync('peak', /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status'))[1]))
`

const sizes = [256, 1024] as const
const maxPeakMebibytes = 150
const maxGrowthMebibytes = 25

let user: User
beforeAll(async () => {
  user = await createUser()
  for (const size of sizes) {
    await writeToLayout(await streamedImage(size * mebibyte), join(user.home, `image${size}`), '1')
  }
}, 60_000)
afterAll(() => user[Symbol.asyncDispose]())

const triesAtMost = 4

/**
 * In MiB. Garbage lies about the longer the busier the machine is: what a copy needs is the least of several, which are
 * only made while that seems too much, and where the copy can be taken away in between.
 */
async function peakOfCopy(from: string, to: string, ...flags: readonly string[]): Promise<number> {
  const [, path] = /^(?:oci|dir|docker-archive):([^:]+)/.exec(to) ?? []
  let peak = await peakOfOneCopy(from, to, flags)
  if (path === undefined) return peak
  for (let turn = 1; turn < triesAtMost && peak >= maxPeakMebibytes; turn++) {
    await rm(resolve(user.home, path), { recursive: true })
    peak = Math.min(peak, await peakOfOneCopy(from, to, flags))
  }
  return peak
}

async function peakOfOneCopy(from: string, to: string, flags: readonly string[]): Promise<number> {
  const words = ['copy', '-q', ...flags, '--src-tls-verify=false', '--dest-tls-verify=false', from, to]
  const hook = `data:text/javascript,${encodeURIComponent(peakReport)}`
  const child = user.start(words, { env: { NODE_OPTIONS: `--import=${hook}` } })
  child.stdout!.resume()
  const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, 'close')])
  expect({ code: code as unknown, stderr }).toEqual({ code: 0, stderr: '' })
  return Number(await readFile(join(user.home, 'peak'), 'utf8')) / 1024
}

const paths = [
  ['docker', 'oci'],
  ['oci', 'docker'],
  ['docker', 'docker'],
  ['docker', 'docker-archive'],
  ['oci', 'docker-archive'],
] as const

describe.skipIf(process.platform !== 'linux')('the memory of a copy (measured on Linux only)', () => {
  it.each(paths)(
    'from %s to %s stays small, whatever the size of a layer',
    async (from, to) => {
      const peaks: number[] = []
      for (const size of sizes) {
        const source = join(user.home, `image${size}`)
        const target = join(user.home, 'target')
        await mkdir(target)
        await using sourceRegistry = await startRegistryServer({ directory: source, defaultRepository: 'app' })
        await using targetRegistry = await startRegistryServer({ directory: join(target, 'registry') })
        const froms = { docker: `docker://${sourceRegistry.host}/app:1`, oci: `oci:${source}:1` }
        const tos = {
          docker: `docker://${targetRegistry.host}/app:1`,
          oci: `oci:${target}/oci:1`,
          'docker-archive': `docker-archive:${target}/image.tar:app:1`,
        }
        peaks.push(await peakOfCopy(froms[from], tos[to]))
        await rm(target, { recursive: true })
      }
      const [small = 0, large = 0] = peaks
      expect(Math.max(small, large)).toBeLessThan(maxPeakMebibytes)
      expect(large - small).toBeLessThan(maxGrowthMebibytes)
    },
    180_000,
  )

  it('stays small while layers are encrypted and decrypted', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    await writeFile(join(user.home, 'public.pem'), publicKey.export({ format: 'pem', type: 'spki' }))
    await writeFile(join(user.home, 'private.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }))
    const peaks: number[] = []
    for (const size of sizes) {
      const encrypted = `oci:encrypted${size}:1`
      const encrypting = await peakOfCopy(`oci:image${size}:1`, encrypted, '--encryption-key', 'jwe:public.pem')
      const decrypting = await peakOfCopy(encrypted, `dir:decrypted${size}`, '--decryption-key', 'private.pem')
      peaks.push(Math.max(encrypting, decrypting))
    }
    const [small = 0, large = 0] = peaks
    expect(Math.max(small, large)).toBeLessThan(maxPeakMebibytes)
    expect(large - small).toBeLessThan(maxGrowthMebibytes)
  }, 180_000)

  // zstd:chunked does not keep to the limit of the others on a busy machine (up to 175 MiB were seen): this one only
  // holds it where it is, and that it does not grow with the layer.
  it.each([
    ['zstd', maxPeakMebibytes, maxGrowthMebibytes],
    ['zstd:chunked', 190, 50],
  ] as const)(
    'stays small while a layer is compressed as %s',
    async (format, mostMebibytes, mostGrowthMebibytes) => {
      const peaks: number[] = []
      for (const size of sizes) {
        const flags = ['--dest-compress-format', format, '--dest-force-compress-format']
        peaks.push(await peakOfCopy(`oci:image${size}:1`, `oci:${format.replace(':', '-')}${size}:1`, ...flags))
      }
      const [small = 0, large = 0] = peaks
      expect(Math.max(small, large)).toBeLessThan(mostMebibytes)
      expect(large - small).toBeLessThan(mostGrowthMebibytes)
    },
    300_000,
  )

  it('stays small with six layers at once, also when they are compressed anew', async () => {
    const layers = [40, 41, 42, 43, 44, 45].map((size) => size * mebibyte)
    await writeToLayout(await streamedImage(...layers), join(user.home, 'layers'), '1')
    const hops = ['oci:layers:1', 'docker-archive:layers.tar:app:1', 'oci:compressed:1'] as const
    expect(await peakOfCopy(hops[0], hops[1])).toBeLessThan(maxPeakMebibytes)
    expect(await peakOfCopy(hops[1], hops[2])).toBeLessThan(maxPeakMebibytes)
  }, 180_000)
})
