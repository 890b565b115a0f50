import type { Digest } from './digest.ts'
import type { RawManifest } from './manifest.ts'
import type { OperationOptions } from './options.ts'
import type { ImageReference } from './reference.ts'

export type StoredSignature =
  | { readonly kind: 'simple'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'sigstore'
      readonly mediaType: string
      readonly payload: Uint8Array
      readonly annotations: Readonly<Record<string, string>>
    }

/** Signatures of a manifest, wherever kept: beside the image, in referrers, or in a lookaside store. */
export interface SignatureReader {
  list(manifest: Digest, options?: OperationOptions): Promise<readonly StoredSignature[]>
}

export interface SignatureWriter {
  /** Called after the manifest was written and before `commit`. */
  replace(manifest: Digest, signatures: readonly StoredSignature[], options?: OperationOptions): Promise<void>
}

/** What a signature states: this manifest may be known by this name. */
export interface Claim {
  readonly manifest: Digest
  readonly identity: string
}

export interface Signer extends AsyncDisposable {
  sign(claim: Claim, options?: OperationOptions): Promise<StoredSignature>
}

/** Returns only what the signature proves. Throws SIGNATURE_INVALID; reads nothing before the proof holds. */
export interface Verifier {
  verify(signature: StoredSignature, options?: OperationOptions): Promise<Claim>
}

/** Until the policy allows it an image is only bytes: neither its config nor its layers have been read. */
export interface UnverifiedImage {
  readonly reference: ImageReference
  readonly manifest: RawManifest
  signatures(options?: OperationOptions): Promise<readonly StoredSignature[]>
}

export type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly reasons: readonly string[] }

/** Fails closed: a requirement it does not understand is not met. */
export interface TrustPolicy {
  evaluate(image: UnverifiedImage, options?: OperationOptions): Promise<Verdict>
}
