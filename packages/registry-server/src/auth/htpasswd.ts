import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

import { TransloadError } from '@transload/contract'
import { compare, hash } from 'bcryptjs'

/** Resolves to whether `password` is the user's. Takes as long for a user that does not exist. */
export type PasswordCheck = (user: string, password: string) => Promise<boolean>

/** Verified pairs remembered at once, so that a client sending Basic with every request pays bcrypt once. */
const maxRemembered = 1000

/**
 * Checks passwords by the text of an htpasswd file: bcrypt (`htpasswd -B`) and `{SHA}` (`htpasswd -s`) entries, `#`
 * comments. Throws CONFIG_INVALID for a line it cannot use.
 */
export function htpasswdCheck(htpasswd: string): PasswordCheck {
  const hashes = parseHtpasswd(htpasswd)
  const decoy = hashes.values().next().value ?? `{SHA}${sha1('')}`
  const key = randomBytes(32)
  const remembered = new Set<string>()
  return async (user, password) => {
    const pair = createHmac('sha256', key)
      .update(JSON.stringify([user, password]))
      .digest('base64')
    if (remembered.has(pair)) return true
    const stored = hashes.get(user)
    const matches = await matchesHash(password, stored ?? decoy)
    if (!matches || stored === undefined) return false
    if (remembered.size >= maxRemembered) remembered.clear()
    remembered.add(pair)
    return true
  }
}

/** A line for an htpasswd file, with bcrypt. `cost` is the base-2 logarithm of the rounds, 4 to 31. */
export async function htpasswdLine(user: string, password: string, cost = 10): Promise<string> {
  if (user === '' || /[:\s]/.test(user)) {
    throw new TransloadError('CONFIG_INVALID', `htpasswd: invalid user name ${JSON.stringify(user)}`)
  }
  return `${user}:${await hash(password, cost)}\n`
}

function parseHtpasswd(text: string): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    const stored = line.slice(colon + 1).trim()
    if (colon <= 0 || !/^(\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\{SHA\}[A-Za-z0-9+/]{27}=)$/.test(stored)) {
      throw new TransloadError('CONFIG_INVALID', `htpasswd: line ${index + 1} is not "user:hash" with a bcrypt hash`, {
        hint: 'Write it with `htpasswd -B`; MD5 and crypt hashes are not accepted.',
      })
    }
    hashes.set(line.slice(0, colon), stored)
  }
  return hashes
}

async function matchesHash(password: string, stored: string): Promise<boolean> {
  if (!stored.startsWith('{SHA}')) return await compare(password, stored)
  return timingSafeEqual(Buffer.from(sha1(password)), Buffer.from(stored.slice('{SHA}'.length)))
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('base64')
}
