import { boolFlag, durationFlag, stringFlag, stringsFlag, type FlagValues } from '../arguments/flag.ts'

/** Accepted by every command, before and after its name. */
export const globalFlags = {
  commandTimeout: durationFlag('command-timeout', 'timeout for the command execution'),
  debug: boolFlag('debug', 'enable debug output'),
  insecurePolicy: boolFlag('insecure-policy', 'run the tool without any policy check'),
  json: boolFlag('json', 'write the result as JSON to stdout, and an error as JSON to the last line of stderr'),
  overrideArch: stringFlag('override-arch', 'use ARCH instead of the architecture of the machine for choosing images', {
    placeholder: 'ARCH',
  }),
  overrideOs: stringFlag('override-os', 'use OS instead of the running OS for choosing images', { placeholder: 'OS' }),
  overrideVariant: stringFlag(
    'override-variant',
    'use VARIANT instead of the running architecture variant for choosing images',
    { placeholder: 'VARIANT' },
  ),
  plugin: stringsFlag('plugin', 'load the transports of the npm package PACKAGE', { placeholder: 'PACKAGE' }),
  policy: stringFlag('policy', 'Path to a trust policy file'),
  registriesConf: stringFlag('registries-conf', 'path to the registries.conf file', {
    placeholder: 'FILE',
    hidden: true,
  }),
  registriesD: stringFlag(
    'registries.d',
    'use registry configuration files in DIR (e.g. for container signature storage)',
    {
      placeholder: 'DIR',
    },
  ),
  requireSigned: boolFlag('require-signed', 'accept only images whose signature the trust policy has verified'),
  tlsDetails: stringFlag('tls-details', 'path to a containers-tls-details.yaml file', { placeholder: 'FILE' }),
  tmpdir: stringFlag('tmpdir', 'directory used to store temporary files'),
  userAgentPrefix: stringFlag('user-agent-prefix', 'prefix to add to the user agent string'),
}

/** Only before the name of a command. */
export const rootOnlyFlags = {
  tlsVerify: boolFlag('tls-verify', 'require HTTPS and verify certificates', { hidden: true }),
  version: boolFlag('version', 'Version for transload', { short: 'v' }),
}

export type GlobalValues = FlagValues<typeof globalFlags> & Pick<FlagValues<typeof rootOnlyFlags>, 'tlsVerify'>
