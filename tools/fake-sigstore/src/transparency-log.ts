import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

import { json } from '@sigstore/core'

import { inclusionProof, leafHash, rootHash } from './merkle-tree.ts'

/** A log as Rekor keeps one: entries, a tree over them, and promises and checkpoints signed with its own key. */
export interface TransparencyLog {
  readonly publicKey: KeyObject
  /** SHA-256 of the key, in hex. */
  readonly id: string
  /** What its checkpoints are signed as. */
  readonly name: string
  readonly size: number
  /** `body` as Rekor makes it canonical. What is in it already is found again. */
  add(body: unknown, integratedTime?: Date): { readonly uuid: string; readonly isNew: boolean }
  /** As the API answers: `{UUID: {body, integratedTime, …}}`, with a proof of its place in the tree as it is now. */
  entry(uuid: string): Readonly<Record<string, LogEntry>> | undefined
  rootHash(): string
}

export interface LogEntry {
  /** Base64. */
  readonly body: string
  /** Seconds since 1970. */
  readonly integratedTime: number
  readonly logID: string
  readonly logIndex: number
  readonly verification: {
    readonly signedEntryTimestamp: string
    readonly inclusionProof: {
      readonly checkpoint: string
      readonly hashes: readonly string[]
      readonly logIndex: number
      readonly rootHash: string
      readonly treeSize: number
    }
  }
}

export function createTransparencyLog(name = 'rekor.localhost'): TransparencyLog {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const idBytes = createHash('sha256').update(spki).digest()
  const id = idBytes.toString('hex')
  const treeId = randomBytes(8).toString('hex')
  const leaves: Buffer[] = []
  const entries = new Map<string, Omit<LogEntry, 'verification'>>()

  const checkpoint = (): string => {
    const note = `${name} - ${BigInt(`0x${treeId}`)}\n${leaves.length}\n${rootHash(leaves).toString('base64')}\n`
    const signature = Buffer.concat([idBytes.subarray(0, 4), sign('sha256', Buffer.from(note), privateKey)])
    return `${note}\n\u2014 ${name} ${signature.toString('base64')}\n`
  }

  return {
    publicKey,
    id,
    name,
    get size() {
      return leaves.length
    },
    add(body, integratedTime = new Date()) {
      const canonical = Buffer.from(json.canonicalize(body))
      const leaf = leafHash(canonical)
      const uuid = treeId + leaf.toString('hex')
      if (entries.has(uuid)) return { uuid, isNew: false }
      entries.set(uuid, {
        body: canonical.toString('base64'),
        integratedTime: Math.floor(integratedTime.getTime() / 1000),
        logID: id,
        logIndex: leaves.push(leaf) - 1,
      })
      return { uuid, isNew: true }
    },
    entry(uuid) {
      const entry = entries.get(uuid)
      if (entry === undefined) return undefined
      const { body, integratedTime, logID, logIndex } = entry
      const promised = Buffer.from(json.canonicalize({ body, integratedTime, logID, logIndex }))
      const verification = {
        signedEntryTimestamp: sign('sha256', promised, privateKey).toString('base64'),
        inclusionProof: {
          checkpoint: checkpoint(),
          hashes: inclusionProof(leaves, logIndex).map((hash) => hash.toString('hex')),
          logIndex,
          rootHash: rootHash(leaves).toString('hex'),
          treeSize: leaves.length,
        },
      }
      return { [uuid]: { ...entry, verification } }
    },
    rootHash: () => rootHash(leaves).toString('hex'),
  }
}
