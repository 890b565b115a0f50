import type { Config } from 'openpgp'

/** What openpgp is to accept: what gpg does, but for weak hashes. */
export async function readVerificationConfig(): Promise<Config> {
  const { config, enums } = await import('openpgp')
  return {
    ...config,
    // Its own choice refuses DSA.
    rejectPublicKeyAlgorithms: new Set([enums.publicKey.elgamal]),
    rejectMessageHashAlgorithms: new Set([enums.hash.md5, enums.hash.ripemd, enums.hash.sha1]),
    // A key whose expiry was put off has lost the signatures that made it good before.
    allowInsecureVerificationWithReformattedKeys: true,
    allowMissingKeyFlags: true,
  }
}
