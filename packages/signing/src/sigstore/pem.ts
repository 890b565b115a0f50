import { displayText } from '@transload/contract'

import { invalidSignature } from '../invalid-signature.ts'
import { decodeBase64 } from './base64.ts'

export interface PemBlock {
  /** `CERTIFICATE`, `PUBLIC KEY`. */
  readonly label: string
  readonly der: Buffer
}

/** All PEM blocks of a text; what is between them is skipped. Throws SIGNATURE_INVALID. */
export function parsePem(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = []
  for (let end = 0; ;) {
    const begin = text.indexOf(beginMark, end)
    if (begin < 0) return blocks
    const labelEnd = text.indexOf(dashes, begin + beginMark.length)
    const label = text.slice(begin + beginMark.length, labelEnd)
    if (labelEnd < 0 || !/^[A-Z0-9 ]{1,64}$/.test(label)) throw invalidSignature('malformed PEM')
    const endMark = `-----END ${label}-----`
    const body = text.indexOf(endMark, labelEnd)
    if (body < 0) throw invalidSignature(`PEM without an end: ${displayText(label)}`)
    const encoded = text.slice(labelEnd + dashes.length, body).replaceAll(/[ \t]/g, '')
    blocks.push({ label, der: decodeBase64(encoded, 'PEM') })
    end = body + endMark.length
  }
}

const beginMark = '-----BEGIN '
const dashes = '-----'
