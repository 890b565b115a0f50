import type { PublicKey } from 'openpgp'

import { encodePacket, packetTag, readPackets, type Packet } from './packets.ts'

/** Public keys, each once. */
export type Keyring = readonly PublicKey[]

/**
 * The keys in files, each of which is binary, or armored in one or more blocks: every key once, with all that the
 * files say of it. As gpg does when it imports them, what cannot be read is passed over, and of secret keys only the
 * public part is taken.
 */
export async function readKeyring(files: readonly Uint8Array[]): Promise<Keyring> {
  const { readKey } = await import('openpgp')
  const keys = new Map<string, PublicKey>()
  for (const binaryKey of files.flatMap(binaryBlocks).flatMap(splitKeys)) {
    try {
      const key = (await readKey({ binaryKey })).toPublic()
      const known = keys.get(key.getFingerprint())
      keys.set(key.getFingerprint(), known ? await mergeKeys(known, key) : key)
    } catch {
      // Not a key that gpg would import either.
    }
  }
  return [...keys.values()]
}

/** One of the files may be all that knows that the key was revoked, by whomever. */
async function mergeKeys(one: PublicKey, other: PublicKey): Promise<PublicKey> {
  const merged = await one.update(other)
  merged.revocationSignatures.push(...other.revocationSignatures)
  return merged
}

/** The file itself, or what its armor holds. */
function binaryBlocks(file: Uint8Array): Uint8Array[] {
  if (((file[0] ?? 0) & 0x80) !== 0) return [file]
  const [, ...blocks] = Buffer.from(file)
    .toString('latin1')
    .split(/^-----BEGIN PGP [A-Z]+ KEY BLOCK-----[ \t]*\r?$/m)
  return blocks.map(decodeArmor)
}

/** Behind headers and an empty line: base64, then a checksum that need not be there (RFC 9580 §6.2). */
function decodeArmor(block: string): Uint8Array {
  const lines = block.split('\n').map((line) => line.trim())
  const start = lines.indexOf('', 1)
  const end = lines.findIndex((line, index) => index > start && (line.startsWith('=') || line.startsWith('-----')))
  return Buffer.from(lines.slice(start, end < 0 ? undefined : end).join(''), 'base64')
}

/** Each key alone, so that a broken one spoils none of the others. */
function splitKeys(bytes: Uint8Array): Uint8Array[] {
  const keys: Uint8Array[][] = []
  try {
    for (const packet of readPackets(bytes)) {
      if (packet.tag === packetTag.publicKey || packet.tag === packetTag.secretKey) keys.push([])
      // openpgp would pass over it, and have the key as not revoked.
      if (isOldRevocation(packet)) keys.pop()
      else keys.at(-1)?.push(encodePacket(packet))
    }
  } catch {
    // What is left is not readable; the last key may be cut off.
    keys.pop()
  }
  return keys.map((packets) => Buffer.concat(packets))
}

/** Of a key, in the form that is obsolete since 1998 (RFC 9580 §5.2.2). */
function isOldRevocation({ tag, body }: Packet): boolean {
  return tag === packetTag.signature && (body[0] ?? 0) < 4 && body[2] === 0x20
}
