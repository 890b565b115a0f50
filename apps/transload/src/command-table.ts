import type { Command } from './command.ts'

export interface CommandEntry {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Another name it goes by. */
  readonly alias?: string
  /** Works, and is not in the list of commands. */
  readonly hidden?: boolean
  readonly load: () => Promise<Command>
}

/** Every command, sorted by name; each loads when it is asked for. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: 'complete',
    summary: 'Print what may stand in place of the last word of a command line',
    hidden: true,
    load: async () => (await import('./commands/complete.ts')).complete,
  },
  {
    name: 'completion',
    summary: 'Generate the autocompletion script for a shell',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    name: 'copy',
    summary: 'Copy an IMAGE-NAME from one location to another',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  {
    name: 'delete',
    summary: 'Delete image IMAGE-NAME',
    load: async () => (await import('./commands/delete.ts')).deleteImage,
  },
  {
    name: 'experimental-image-proxy',
    summary: 'Interactive proxy for fetching container images (EXPERIMENTAL)',
    hidden: true,
    load: async () => (await import('./commands/experimental-image-proxy.ts')).experimentalImageProxy,
  },
  {
    name: 'generate-sigstore-key',
    summary: 'Generate a sigstore public/private key pair',
    load: async () => (await import('./commands/generate-sigstore-key.ts')).generateSigstoreKey,
  },
  {
    name: 'help',
    summary: 'Help about any command',
    load: async () => (await import('./commands/help.ts')).help,
  },
  {
    name: 'inspect',
    summary: 'Inspect image IMAGE-NAME',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    name: 'layers',
    summary: 'Get layers of IMAGE-NAME',
    hidden: true,
    load: async () => (await import('./commands/layers.ts')).layers,
  },
  {
    name: 'list-tags',
    alias: 'tags',
    summary: 'List tags in the transport/repository specified by the SOURCE-IMAGE',
    load: async () => (await import('./commands/list-tags.ts')).listTags,
  },
  {
    name: 'login',
    summary: 'Login to a container registry',
    load: async () => (await import('./commands/login.ts')).login,
  },
  {
    name: 'logout',
    summary: 'Logout of a container registry',
    load: async () => (await import('./commands/logout.ts')).logout,
  },
  {
    name: 'manifest-digest',
    summary: 'Compute a manifest digest of a file',
    load: async () => (await import('./commands/manifest-digest.ts')).manifestDigest,
  },
  {
    name: 'plugins',
    summary: 'List the transports and the packages they come from',
    load: async () => (await import('./commands/plugins.ts')).plugins,
  },
  {
    name: 'referrers',
    summary: 'List what refers to an IMAGE-NAME',
    load: async () => (await import('./commands/referrers.ts')).referrers,
  },
  {
    name: 'serve',
    summary: 'Serve an OCI layout as a registry',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  {
    name: 'standalone-sign',
    summary: 'Create a signature using local files',
    load: async () => (await import('./commands/standalone-sign.ts')).standaloneSign,
  },
  {
    name: 'standalone-verify',
    summary: 'Verify a signature using local files',
    load: async () => (await import('./commands/standalone-verify.ts')).standaloneVerify,
  },
  {
    name: 'untrusted-signature-dump-without-verification',
    summary: 'Dump contents of a signature WITHOUT VERIFYING IT',
    hidden: true,
    load: async () =>
      (await import('./commands/untrusted-signature-dump-without-verification.ts')).untrustedSignatureDump,
  },
  {
    name: 'verify',
    summary: 'Verify that IMAGE-NAME is signed',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
]

/** Those that help lists. */
export const listedCommands = commandTable.filter(({ hidden }) => !hidden)

/** Names a mistyped one may stand for: at most two edits away, or beginning with what was typed. */
export function similarNames(typed: string): string[] {
  return listedCommands
    .map(({ name }) => name)
    .filter((name) => editDistance(typed.toLowerCase(), name) <= 2 || name.startsWith(typed.toLowerCase()))
}

/** Levenshtein's, as cobra counts it. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
