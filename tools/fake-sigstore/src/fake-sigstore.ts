import { codeSigning, createCertificateAuthority, type CertificateAuthority } from './certificate-authority.ts'
import { createCertificateLog } from './certificate-log.ts'
import { answerFulcio } from './fulcio.ts'
import { serve, type RunningServer } from './http.ts'
import { createIdentityToken, createTokenKey, type User } from './identity-token.ts'
import { createOidcIssuer } from './oidc-issuer.ts'
import { answerRekor } from './rekor.ts'
import { createTransparencyLog, type TransparencyLog } from './transparency-log.ts'
import { createTrustedRoot } from './trusted-root.ts'

export interface FakeSigstore extends AsyncDisposable {
  readonly fulcioUrl: string
  readonly rekorUrl: string
  /** Also what certificates name as the issuer. */
  readonly oidcUrl: string
  /** Fulcio's: an intermediate one; the root is the last of its chain. */
  readonly authority: CertificateAuthority
  /** Rekor's. */
  readonly log: TransparencyLog
  /** For Fulcio; default: of the user it was started with. */
  createToken(user?: User): string
  /** As `cosign --trusted-root` reads it. */
  trustedRoot(): unknown
}

/** Starts all three on loopback. To be disposed. */
export async function startFakeSigstore(
  user: User = { subject: 'jo', email: 'jo@example.com' },
): Promise<FakeSigstore> {
  const root = await createCertificateAuthority({ name: 'fake root', pathLength: 1 })
  const certificateLog = createCertificateLog()
  const authority = await root.createIntermediate({
    name: 'fake intermediate',
    pathLength: 0,
    usages: [codeSigning],
    log: certificateLog,
  })
  const log = createTransparencyLog()
  const tokenKey = createTokenKey()
  const issuer = createOidcIssuer(user, tokenKey)
  await using started = new AsyncDisposableStack()
  const oidc: RunningServer = started.use(await serve((request) => issuer.answer(request, oidc.url)))
  const fulcio = started.use(
    await serve((request) => answerFulcio(request, { authority, oidcIssuer: oidc.url, tokenKey })),
  )
  const rekor = started.use(await serve((request) => answerRekor(request, log)))
  const running = started.move()
  return {
    fulcioUrl: fulcio.url,
    rekorUrl: rekor.url,
    oidcUrl: oidc.url,
    authority,
    log,
    createToken: (whom = user) => createIdentityToken(whom, { issuer: oidc.url, audience: 'sigstore' }, tokenKey),
    trustedRoot: () =>
      createTrustedRoot({ authority, certificateLog, fulcioUrl: fulcio.url, log, rekorUrl: rekor.url }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
