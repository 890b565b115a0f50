import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { OpenOptions } from '@transload/contract'

import { runscriptPath } from './definition-file.ts'
import { runTool } from './run-tool.ts'
import type { SifFile } from './sif-file.ts'

/** A root filesystem as an uncompressed tar on disk. Disposing removes it. */
export interface RootFilesystem extends AsyncDisposable {
  readonly tarFile: string
}

/**
 * Unpacks the squashfs and packs it again, by `unsquashfs` and `tar` under `fakeroot`, which keeps owners and devices
 * for users who cannot make such. Entries are sorted and times that vary left out, so that the same file gives the same
 * layer. Throws UNSUPPORTED when a tool is missing, IO when one fails.
 */
export async function extractRootFilesystem(
  sif: Pick<SifFile, 'path' | 'root' | 'modifiedSeconds'>,
  {
    runscript,
    tempDirectory,
    signal,
  }: Pick<OpenOptions, 'tempDirectory' | 'signal'> & { runscript: string | undefined },
): Promise<RootFilesystem> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tempDirectory, 'container_images_sif_'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const root = join(directory, 'root')
  const tarFile = join(directory, 'rootfs.tar')
  if (runscript !== undefined) await writeRunscript(root, runscript, sif.modifiedSeconds)
  // One session: fakeroot forgets at its end what the files are supposed to be.
  const script = `unsquashfs -no-progress -force -offset "$1" -dest "$2" "$3" >/dev/null && exec tar ${tarFlags} -C "$2" -cpf "$4" ./`
  const words = ['--', 'sh', '-c', script, 'sh', String(sif.root.offset), root, sif.path, tarFile]
  await runTool('fakeroot', words, { signal })
  await rm(root, { recursive: true, force: true })
  const owned = opened.move()
  return { tarFile, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const tarFlags = [
  '--acls',
  '--xattrs',
  '--sort=name',
  '--format=posix',
  '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
].join(' ')

/** Before anything is unpacked, so that no link of the image leads it elsewhere. */
async function writeRunscript(root: string, content: string, modifiedSeconds: number): Promise<void> {
  const path = join(root, runscriptPath)
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFile(path, content, { mode: 0o755 })
  for (const made of [path, dirname(path)]) await utimes(made, modifiedSeconds, modifiedSeconds)
}
