import { writeFile } from 'node:fs/promises'

/** A requirement of a policy: a signature of a key in the file, which calls the image what `signedIdentity` says. */
export function signedBy(keyPath: string, signedIdentity?: Readonly<Record<string, string>>): object {
  return { type: 'signedBy', keyType: 'GPGKeys', keyPath, ...(signedIdentity ? { signedIdentity } : {}) }
}

/** Writes a policy that refuses what is in none of the scopes. Resolves to `file`. */
export async function writePolicy(
  file: string,
  transports: Readonly<Record<string, Readonly<Record<string, readonly object[]>>>>,
): Promise<string> {
  await writeFile(file, JSON.stringify({ default: [{ type: 'reject' }], transports }))
  return file
}
