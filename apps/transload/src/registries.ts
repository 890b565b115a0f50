import { readRegistriesConf, readRegistriesD, type RegistriesConf, type RegistriesD } from '@transload/config'

import type { CommandContext } from './context.ts'

/** How registries are configured. Each is read at the first use, once for a command. Both throw CONFIG_INVALID and IO. */
export interface Registries {
  readConf(): Promise<RegistriesConf>
  readSignatureStorage(): Promise<RegistriesD>
}

export function createRegistries({ globals, locations }: Pick<CommandContext, 'globals' | 'locations'>): Registries {
  let conf: Promise<RegistriesConf> | undefined
  let storage: Promise<RegistriesD> | undefined
  return {
    readConf: () => (conf ??= readRegistriesConf(locations, { registriesFile: globals.registriesConf })),
    readSignatureStorage: () => (storage ??= readRegistriesD(locations, { directory: globals.registriesD })),
  }
}
