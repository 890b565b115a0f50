import { findPeer, type PeerName } from './peer.ts'

/**
 * Why tests that need these tools cannot run here, or undefined if they can:
 *
 *     const missing = requirePeers('skopeo', 'registry')
 *     describe.skipIf(missing)(`copies that skopeo reads ${missing ?? ''}`, …)
 *
 * Throws instead where the comma-separated TRANSLOAD_REQUIRE_TOOLS names a missing one, so that continuous integration
 * cannot pass by skipping.
 */
export function requirePeers(...names: readonly PeerName[]): string | undefined {
  const missing = names.filter((name) => !findPeer(name))
  if (missing.length === 0) return undefined
  const required = (process.env['TRANSLOAD_REQUIRE_TOOLS'] ?? '').split(',')
  const reason = `(not installed here: ${missing.join(', ')})`
  if (missing.some((name) => required.includes(name))) throw new Error(`TRANSLOAD_REQUIRE_TOOLS ${reason}`)
  return reason
}
