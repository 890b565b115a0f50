import type { Platform } from '@transload/contract'

const goArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mips64el: 'mips64le',
  mipsel: 'mipsle',
}

/** The running system as images name it, without a variant. Everything but Windows runs Linux images. */
export function defaultPlatform(): Platform {
  // Which machine this is cannot be configured: it is a constant of the program like the byte order, not an input.
  // oxlint-disable-next-line no-restricted-globals
  const { platform, arch } = process
  return { os: platform === 'win32' ? 'windows' : 'linux', architecture: goArchitectures[arch] ?? arch }
}
