/** Where the Debian root, the wrappers and the test images are kept: outside the repository, so a clean checkout keeps them. */
export function peersDirectory(): string {
  return process.env['TRANSLOAD_PEERS_DIR'] ?? '/var/cache/transload-peers'
}

/** The root of the current Debian that holds the newer tools. */
export function debianRoot(): string {
  return `${peersDirectory()}/sid`
}
