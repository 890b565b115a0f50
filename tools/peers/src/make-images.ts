/**
 * Makes the test images that are not there yet, with the tools that `install.ts` installs:
 * `node tools/peers/src/make-images.ts [NAME…]`, without names all of them.
 */
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'

import { recipes } from './image-recipes.ts'
import { testImageDirectory, testImages, type TestImageName } from './test-images.ts'

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(testImages, name))
if (unknown.length > 0) {
  console.error(`no such test image: ${unknown.join(', ')} (there are ${Object.keys(testImages).join(', ')})`)
  process.exit(1)
}
const names = (wanted.length > 0 ? wanted : Object.keys(testImages)) as readonly TestImageName[]
for (const name of names) {
  const directory = testImageDirectory(name)
  if (existsSync(directory)) continue
  const partial = `${directory}.partial`
  const scratch = `${directory}.scratch`
  for (const path of [partial, scratch]) await rm(path, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true })
  const startedAt = Date.now()
  await recipes[name](partial, scratch)
  await rm(scratch, { recursive: true, force: true })
  await rename(partial, directory)
  console.log(
    `${name.padEnd(14)} ${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${testImages[name].content}`,
  )
}
