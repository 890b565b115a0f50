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
  /**
   * Whether signatures of these kinds can be stored, asked before anything is written: throws what `replace` would
   * throw. Absent: they can.
   */
  check?(kinds: ReadonlySet<StoredSignature['kind']>, options?: OperationOptions): Promise<void>
  /** The complete new set. Called after the manifest was written and before `commit`. */
  replace(manifest: Digest, signatures: readonly StoredSignature[], options?: OperationOptions): Promise<void>
}

/** A sigstore bundle (protobuf-specs, JSON form), which registries and layouts keep as a referrer of the image. */
export interface SignatureBundle {
  readonly kind: 'bundle'
  /** `application/vnd.dev.sigstore.bundle.v0.3+json` or another version of it. */
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** Of the manifest it is kept in. */
  readonly annotations?: Readonly<Record<string, string>>
}

export type Signature = StoredSignature | SignatureBundle

/** What a signature states: this manifest may be known by this name. */
export interface Claim {
  readonly manifest: Digest
  /** Absent where the signature names no image, as most bundles do not. */
  readonly identity?: string
}

export interface Signer extends AsyncDisposable {
  /** After "Signing image using": `simple signing`, `a sigstore signature`. */
  readonly method: string
  /** What `sign` returns. */
  readonly makes: Signature['kind']
  sign(claim: Required<Claim>, options?: OperationOptions): Promise<Signature>
}

/** What a signature was found to prove. */
export interface VerifiedClaim extends Claim {
  /** Whose signature it is, for a person: a key's fingerprint, or whom a certificate names. */
  readonly signer: string
}

/** Returns only what the signature proves. Throws SIGNATURE_INVALID; reads nothing before the proof holds. */
export interface Verifier {
  verify(signature: Signature, options?: OperationOptions): Promise<VerifiedClaim>
}

/** Until the policy allows it an image is only bytes: neither its config nor its layers have been read. */
export interface UnverifiedImage {
  readonly reference: ImageReference
  /** Of an image, or of an index. */
  readonly manifest: RawManifest
  signatures(options?: OperationOptions): Promise<readonly StoredSignature[]>
  /** Sigstore signatures besides, which are manifests of their own in the same place. */
  attached?(options?: OperationOptions): Promise<readonly Signature[]>
}

export type Verdict =
  /** `proofs`: the claims that were needed for that; none if no signature was asked for. */
  | { readonly allowed: true; readonly proofs: readonly VerifiedClaim[] }
  /** `isUnsigned`: all that is wrong is that there is no signature of the kind asked for. */
  | { readonly allowed: false; readonly reasons: readonly string[]; readonly isUnsigned?: boolean }

/** Fails closed: a requirement it does not understand is not met. */
export interface TrustPolicy {
  evaluate(image: UnverifiedImage, options?: OperationOptions): Promise<Verdict>
}
