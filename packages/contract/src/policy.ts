/** Which signatures images need, as containers-policy.json(5) says it: plain data, complete and checked. */
export interface Policy {
  /** Where it is from. */
  readonly file: string
  readonly default: readonly PolicyRequirement[]
  /** Transport name → scope → requirements, all of which an image has to meet. The scope `''` is the transport's default. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly PolicyRequirement[]>>
}

export type PolicyRequirement =
  | { readonly type: 'insecureAcceptAnything' }
  | { readonly type: 'reject' }
  | { readonly type: 'signedBaseLayer' }
  | SignatureRequirement

/** What takes a verified signature to be met. */
export type SignatureRequirement = SignedByRequirement | SigstoreSignedRequirement

/** Key material: a file, read only when there is a signature to check, or its content. */
export type KeySource = { readonly path: string } | { readonly data: Uint8Array }

/** A simple signature by one of the keys. */
export interface SignedByRequirement {
  readonly type: 'signedBy'
  /** Only `GPGKeys` can be met. */
  readonly keyType: string
  /** OpenPGP keyrings, binary or armored; any key in any of them will do. */
  readonly keys: readonly KeySource[]
  readonly signedIdentity: IdentityMatcher
}

export interface SigstoreSignedRequirement {
  readonly type: 'sigstoreSigned'
  readonly trust: SigstoreTrust
  /** Public keys (PEM) of transparency logs. None: a log entry is not needed, nor looked at. */
  readonly rekorKeys: readonly KeySource[]
  readonly signedIdentity: IdentityMatcher
}

/** Whose sigstore signatures count. */
export type SigstoreTrust =
  /** Public keys (PEM), one in each. */
  | { readonly kind: 'keys'; readonly keys: readonly KeySource[] }
  | {
      readonly kind: 'fulcio'
      readonly ca: KeySource
      readonly oidcIssuer: string
      /** One of the two is needed. A policy file names an e-mail address. */
      readonly subjectEmail?: string
      /** An e-mail address or a URI, as workflows have it. */
      readonly subject?: string
    }
  | {
      readonly kind: 'pki'
      readonly roots: KeySource
      readonly intermediates?: KeySource
      readonly subjectEmail?: string
      readonly subjectHostname?: string
    }

/** Which name in a signature fits an image (trust.md §1.5). */
export type IdentityMatcher =
  | { readonly type: 'matchExact' | 'matchRepoDigestOrExact' | 'matchRepository' }
  | { readonly type: 'exactReference'; readonly dockerReference: string }
  | { readonly type: 'exactRepository'; readonly dockerRepository: string }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string }
  /** The repository of the image, as far as both have a name. No policy file can say that. */
  | { readonly type: 'notOtherRepository' }
