import { encodeJson, parseJsonObject, TransloadError, type StoredSignature } from '@transload/contract'

const marker = 0x00
const lineFeed = 0x0a

/**
 * A signature as `dir:` images and lookaside stores keep it in a file: a simple signature as it is, anything else
 * after a zero byte and a line with the name of its format.
 */
export function encodeSignatureFile(signature: StoredSignature): Uint8Array {
  if (signature.kind === 'simple') {
    const { bytes } = signature
    // What readers would not recognise by its first byte is named, which they all understand.
    return isRecognisedOpenPgp(bytes[0]) ? bytes : withFormat('simple-signing', bytes)
  }
  const { mediaType, payload, annotations } = signature
  const sorted = Object.fromEntries(Object.entries(annotations).sort(([one], [other]) => (one < other ? -1 : 1)))
  const json = { mimeType: mediaType, payload: Buffer.from(payload).toString('base64'), annotations: sorted }
  return withFormat('sigstore-json', Buffer.from(encodeJson(json)))
}

/** Throws SIGNATURE_INVALID naming `subject` (the file) when it is of no known format. */
export function parseSignatureFile(bytes: Uint8Array, subject: string): StoredSignature {
  const [first] = bytes
  if (first === undefined) throw invalid(subject, 'empty signature blob')
  if (first === 0x93 || isRecognisedOpenPgp(first)) return { kind: 'simple', bytes }
  if (first !== marker)
    throw invalid(subject, 'unrecognized signature format, starting with binary 0x' + first.toString(16))
  const end = bytes.indexOf(lineFeed)
  if (end < 0) throw invalid(subject, 'invalid signature format, missing newline')
  const format = Buffer.from(bytes.subarray(1, end)).toString()
  const content = bytes.subarray(end + 1)
  if (format === 'simple-signing') return { kind: 'simple', bytes: content }
  if (format === 'sigstore-json') return parseSigstore(content, subject)
  throw invalid(subject, `unrecognized signature format ${JSON.stringify(format)}`)
}

function parseSigstore(content: Uint8Array, subject: string): StoredSignature {
  const { mimeType, payload, annotations } = parseJsonObject(content, subject, 'SIGNATURE_INVALID')
  const isValid =
    typeof mimeType === 'string' &&
    typeof payload === 'string' &&
    (annotations == null || Object.values(annotations).every((value) => typeof value === 'string'))
  if (!isValid) throw invalid(subject, 'not a sigstore signature')
  return {
    kind: 'sigstore',
    mediaType: mimeType,
    payload: Buffer.from(payload, 'base64'),
    annotations: { ...(annotations as Record<string, string> | null | undefined) },
  }
}

function withFormat(format: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([marker]), Buffer.from(`${format}\n`), content])
}

/** The OpenPGP packet tags every reader takes for a simple signature; skopeo refuses 0x93, which is one too. */
function isRecognisedOpenPgp(first: number | undefined): boolean {
  return (
    first !== undefined &&
    ((first >= 0x88 && first <= 0x8b) ||
      (first >= 0x90 && first <= 0x92) ||
      (first >= 0xa0 && first <= 0xa3) ||
      [0xc2, 0xc4, 0xc8].includes(first))
  )
}

function invalid(subject: string, problem: string): TransloadError {
  return new TransloadError('SIGNATURE_INVALID', `${subject}: ${problem}`)
}
