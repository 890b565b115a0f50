/** The lines of the two sections that say how a container is run; both empty where there is no definition file. */
export interface Definition {
  readonly environment: readonly string[]
  readonly runscript: readonly string[]
}

/** As skopeo reads it: lines are trimmed, and in `%environment` comments and empty lines are left out. */
export function parseDefinition(text: string | undefined): Definition {
  const environment: string[] = []
  const runscript: string[] = []
  let section = ''
  for (const line of (text ?? '')
    .replace(/\n$/, '')
    .split('\n')
    .map((raw) => raw.trim())) {
    if (line.startsWith('%')) section = line
    else if (section === '%environment' && line !== '' && !line.startsWith('#')) environment.push(line)
    else if (section === '%runscript') runscript.push(line)
  }
  return { environment, runscript }
}

export interface ContainerCommand {
  /** `Cmd` of the image. */
  readonly command: readonly string[]
  /** Content of the script that this is, if it is one; it is put where `command` says. */
  readonly runscript: string | undefined
}

export const runscriptPath = 'podman/runscript'

export function commandOf({ environment, runscript }: Definition): ContainerCommand {
  if (environment.length === 0 && runscript.length === 0) return { command: ['bash'], runscript: undefined }
  const lines = ['#!/bin/bash', ...environment, ...runscript]
  return { command: [`/${runscriptPath}`], runscript: lines.map((line) => `${line}\n`).join('') }
}
