import { readdir } from 'node:fs/promises'

import {
  collect,
  systemErrorCode,
  systemErrorText,
  TransloadError,
  type OperationOptions,
  type StoredSignature,
} from '@transload/contract'
import { DirectoryTree, encodeSignatureFile, makeDirectory, type StagedFile } from '@transload/formats'

import { maxSignatureBytes, signatureName } from './lookaside.ts'

/**
 * Makes `signatures` the complete set in a directory of a lookaside (trust.md §4.2). Where they continue the former set
 * readers see either set and never a mixture, however this ends: they stop at the first gap, so files appear in reverse
 * order. Where they are its beginning the same holds for those who begin to read: the first file to go takes the rest
 * along. Throws IO.
 */
export async function writeLookasideFiles(
  directory: string,
  signatures: readonly StoredSignature[],
  options: OperationOptions,
): Promise<void> {
  options.signal?.throwIfAborted()
  try {
    await makeDirectory(directory, 0o755)
    const tree = new DirectoryTree(directory)
    const present = await listPositions(directory)
    const visible = present.findIndex((position, index) => position !== index + 1)
    // Behind a gap nobody sees them; once it is filled they would be back.
    if (visible >= 0) await remove(tree, present.slice(visible))
    await using staged = new AsyncDisposableStack()
    const changed = new Map<string, StagedFile>()
    for (const [index, signature] of signatures.entries()) {
      const name = signatureName(index + 1)
      const bytes = encodeSignatureFile(signature)
      if (present.includes(index + 1) && (await holds(tree, name, bytes))) continue
      changed.set(name, staged.use(await tree.stage(bytes, options)))
    }
    options.signal?.throwIfAborted()
    for (const [name, file] of [...changed].toReversed()) await file.moveTo(name)
    await remove(
      tree,
      present.filter((position) => position > signatures.length),
    )
    await tree.syncDirectory('')
    await tree.removeAbandoned()
  } catch (cause) {
    options.signal?.throwIfAborted()
    throw ioError(directory, cause)
  }
}

/** Removes what signatures there are; the directory stays. Throws IO. */
export async function removeLookasideFiles(directory: string): Promise<void> {
  try {
    await remove(new DirectoryTree(directory), await listPositions(directory))
  } catch (cause) {
    throw ioError(directory, cause)
  }
}

/** Ascending. */
async function listPositions(directory: string): Promise<readonly number[]> {
  let names: readonly string[]
  try {
    names = await readdir(directory)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw error
  }
  const positions = names.map((name) => Number(/^signature-([1-9]\d{0,8})$/.exec(name)?.[1] ?? 0))
  return positions.filter((position) => position > 0).sort((one, other) => one - other)
}

async function remove(tree: DirectoryTree, positions: readonly number[]): Promise<void> {
  for (const position of positions) await tree.remove(signatureName(position))
}

async function holds(tree: DirectoryTree, name: string, bytes: Uint8Array): Promise<boolean> {
  if ((await tree.fileSize(name)) !== bytes.length) return false
  return Buffer.from(bytes).equals(await collect(tree.read(name), maxSignatureBytes, name))
}

function ioError(directory: string, cause: unknown): TransloadError {
  if (TransloadError.is(cause)) return cause
  return new TransloadError('IO', `${directory}: ${systemErrorText(cause)}`, { cause })
}
