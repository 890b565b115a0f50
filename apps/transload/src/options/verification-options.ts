import {
  parseDockerReference,
  TransloadError,
  type IdentityMatcher,
  type ImageReference,
  type KeySource,
  type SignatureRequirement,
  type TrustPolicy,
} from '@transload/contract'
import { createTrustPolicy, type PluginRegistry } from '@transload/core'

import { stringFlag, stringsFlag, type FlagValues } from '../arguments/flag.ts'
import type { CommandContext } from '../context.ts'
import { readLocalFile } from '../local-file.ts'
import { prefixError } from '../prefix-error.ts'
import { loadTrustPolicy, openVerifierOf } from '../trust-policy.ts'

/** By whom an image has to be signed. */
export const verificationFlags = {
  key: stringsFlag('key', 'Accept signatures by a key in FILE: an OpenPGP keyring, or a public key as PEM (sigstore)', {
    placeholder: 'FILE',
  }),
  certificateIdentity: stringFlag(
    'certificate-identity',
    'Accept sigstore signatures certified for IDENTITY, an e-mail address or a URI',
    { placeholder: 'IDENTITY' },
  ),
  certificateOidcIssuer: stringFlag('certificate-oidc-issuer', 'The OpenID Connect issuer that vouched for it', {
    placeholder: 'URL',
  }),
  certificateAuthority: stringFlag('certificate-authority', 'Certificates (PEM) of the Fulcio that certified it', {
    placeholder: 'FILE',
  }),
  signedIdentity: stringFlag(
    'signed-identity',
    'The name a signature has to be for, with a tag or without; default: that of the image',
    { placeholder: 'NAME' },
  ),
  rekorKey: stringsFlag('rekor-key', 'Ask for an entry in the transparency log with the public key (PEM) in FILE', {
    placeholder: 'FILE',
  }),
}

export type VerificationValues = FlagValues<typeof verificationFlags>

/** Whether any of the flags is there. */
export function saysWhoSigned(values: VerificationValues): boolean {
  return Object.values(values).some((value) => value !== undefined && value.length > 0)
}

export interface Verification {
  /** What accepts an image only for a signature. */
  readonly policyFor: (plugins: PluginRegistry, reference: ImageReference) => TrustPolicy
  /** Sigstore signatures are wanted, wherever they are: nothing has to be configured for that. */
  readonly readsAttachments: boolean
}

/**
 * As the flags say, or else as the trust policy does. Reads the policy file or the keys. Throws CONFIG_INVALID, USAGE for
 * flags that do not go together, and IO.
 */
export async function loadVerification(values: VerificationValues, context: CommandContext): Promise<Verification> {
  if (!saysWhoSigned(values)) {
    if (context.globals.insecurePolicy) throw usage('--insecure-policy leaves nothing to verify', 'Say a --key.')
    const load = await loadTrustPolicy(context, { requireSigned: true })
    return { policyFor: (plugins) => load(plugins)!, readsAttachments: false }
  }
  const requirement = await readRequirement(values, context)
  return {
    policyFor: (plugins, reference) => {
      const policy = {
        file: '',
        default: [requirementFor(reference, requirement)],
        transports: new Map<string, never>(),
      }
      return createTrustPolicy(policy, { openVerifier: openVerifierOf(plugins) })
    },
    readsAttachments: requirement.type === 'sigstoreSigned',
  }
}

async function readRequirement(values: VerificationValues, context: CommandContext): Promise<SignatureRequirement> {
  const { key = [], certificateIdentity: subject, certificateOidcIssuer: oidcIssuer, certificateAuthority } = values
  const read = async (name: string, path: string): Promise<KeySource> => ({
    data: await readLocalFile(path, `Error reading --${name}`, context),
  })
  const rekorKeys = await Promise.all((values.rekorKey ?? []).map((path) => read('rekor-key', path)))
  // What cosign signs is a repository, or only a digest.
  const signedIdentity = resolveIdentity(values.signedIdentity)
  const sigstore = { type: 'sigstoreSigned', rekorKeys, signedIdentity } as const
  if (key.length > 0) {
    if (subject || oidcIssuer || certificateAuthority) {
      throw usage('--key and --certificate-… cannot be used together')
    }
    const keys = await Promise.all(key.map((path) => read('key', path)))
    const kinds = new Set(keys.map((source) => isPem(source)))
    if (kinds.size > 1) throw usage('--key takes OpenPGP keyrings or public keys as PEM, not both at once')
    if (kinds.has(true)) return { ...sigstore, trust: { kind: 'keys', keys } }
    if (rekorKeys.length > 0) throw usage('--rekor-key is about sigstore signatures, --key about OpenPGP ones')
    return { type: 'signedBy', keyType: 'GPGKeys', keys, signedIdentity }
  }
  if (!subject || !oidcIssuer || !certificateAuthority || rekorKeys.length === 0) {
    throw usage(
      'without --key, all of --certificate-identity, --certificate-oidc-issuer, --certificate-authority and --rekor-key are needed',
    )
  }
  const ca = await read('certificate-authority', certificateAuthority)
  return { ...sigstore, trust: { kind: 'fulcio', ca, oidcIssuer, subject } }
}

/** Without a name said, any does that is not of another repository. Throws USAGE. */
function resolveIdentity(name: string | undefined): IdentityMatcher {
  if (!name) return { type: 'notOtherRepository' }
  try {
    const { tag, digest } = parseDockerReference(name)
    return tag === undefined && digest === undefined
      ? { type: 'exactRepository', dockerRepository: name }
      : { type: 'exactReference', dockerReference: name }
  } catch (error) {
    throw prefixError('Could not parse --signed-identity', error)
  }
}

/** OpenPGP signatures are always for the name of an image, if it has one. */
function requirementFor({ name }: ImageReference, requirement: SignatureRequirement): SignatureRequirement {
  const { type, signedIdentity } = requirement
  if (type !== 'signedBy' || name === undefined || signedIdentity.type !== 'notOtherRepository') return requirement
  return { ...requirement, signedIdentity: { type: 'matchRepoDigestOrExact' } }
}

/** A public key as sigstore has them; OpenPGP has armor of its own. */
function isPem(source: KeySource): boolean {
  return 'data' in source && /^-----BEGIN (?!PGP )/m.test(Buffer.from(source.data).toString('latin1'))
}

function usage(problem: string, hint?: string): TransloadError {
  return new TransloadError('USAGE', problem, { hint })
}
