import { collect, encodeJson, parseJsonObject, TransloadError, type Digest } from '@transload/contract'

import { fullName, type RegistryReference } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { registryError } from '../registry-error.ts'
import { maxSignatureBytes, type SignatureOptions } from './lookaside.ts'
import { newSignatures, type SimpleSignature } from './new-signatures.ts'

/** Of a registry that keeps signatures itself (trust.md §4.3). */
export async function readExtension(
  client: RegistryClient,
  reference: RegistryReference,
  manifest: Digest,
  options: SignatureOptions,
): Promise<readonly SimpleSignature[]> {
  const { repository } = reference
  const subject = `signatures for ${manifest} in ${fullName(reference)}`
  const response = await client.request({
    method: 'GET',
    target: target(reference, manifest),
    access: { repository, actions: 'pull' },
    ...options,
  })
  if (response.status !== 200) throw await registryError(response, `downloading ${subject}`, 'manifest')
  return parseKeptSignatures(await collect(response.body, maxSignatureBytes, subject), subject)
}

/** Signatures of other versions and types are passed over. Throws PROTOCOL naming `subject`. */
export function parseKeptSignatures(answer: Uint8Array | string, subject: string): readonly SimpleSignature[] {
  const { signatures } = parseJsonObject(answer, subject, 'PROTOCOL')
  if (signatures == null) return []
  if (!Array.isArray(signatures)) throw new TransloadError('PROTOCOL', `${subject}: not a list`)
  return signatures.flatMap((entry: unknown) => simpleSignature(entry, subject) ?? [])
}

/** Stores those that are not yet; what else there is stays. */
export async function addToExtension(
  client: RegistryClient,
  reference: RegistryReference,
  manifest: Digest,
  signatures: readonly SimpleSignature[],
  options: SignatureOptions,
): Promise<void> {
  const { repository } = reference
  const present = await readExtension(client, reference, manifest, options)
  const added = newSignatures(
    manifest,
    signatures,
    present.map(({ bytes }) => bytes),
  )
  for (const { name, bytes } of added) {
    const content = Buffer.from(bytes).toString('base64')
    const response = await client.request({
      method: 'PUT',
      target: target(reference, manifest),
      access: { repository, actions: 'pull,push' },
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(encodeJson({ schemaVersion: 2, name, type: 'atomic', content })),
      ...options,
    })
    if (response.status !== 201) {
      throw await registryError(response, `uploading signature of ${manifest} to ${fullName(reference)}`, 'manifest')
    }
    await response.discard()
  }
}

function target({ repository }: RegistryReference, manifest: Digest): string {
  return `/extensions/v2/${repository}/signatures/${manifest}`
}

/** Undefined for one of another version or type. Throws PROTOCOL. */
function simpleSignature(entry: unknown, subject: string): SimpleSignature | undefined {
  if (typeof entry !== 'object' || entry === null) throw new TransloadError('PROTOCOL', `${subject}: not objects`)
  const { schemaVersion, type, content } = entry as Readonly<Record<string, unknown>>
  if (schemaVersion !== 2 || type !== 'atomic') return undefined
  if (typeof content === 'string') return { kind: 'simple', bytes: Buffer.from(content, 'base64') }
  throw new TransloadError('PROTOCOL', `${subject}: a signature has no content`)
}
