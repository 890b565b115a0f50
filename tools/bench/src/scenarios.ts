import { rm } from 'node:fs/promises'

import { testImage, type TestImageName } from '@transload/peers'

export type ProgramName = 'skopeo' | 'crane' | 'transload' | 'node'

/** What the scenarios work with. Images of the workloads are in `source` as `NAME:1`. */
export interface Stage {
  /** `HOST:PORT` of the registry that is read from, and of the one that is written to. */
  readonly source: string
  readonly destination: string
  /** On tmpfs. */
  readonly folder: string
}

/** Arguments of a program; undefined: it cannot do this. */
export type Arguments = readonly string[] | undefined

export interface Scenario {
  readonly name: string
  /**
   * What `skopeo` and `transload` are given, and `crane`, and Node for the floor of what is over at once. `attempt` is
   * another one each time.
   */
  readonly run: (
    stage: Stage,
    attempt: string,
  ) => { readonly skopeo: Arguments; readonly crane: Arguments; readonly node?: Arguments }
  /** What skopeo is to do before the first round, in this order. */
  readonly prepare?: (stage: Stage) => readonly (readonly string[])[]
  /** Only where round trips decide. */
  readonly isForLatency?: boolean
}

const bareNode = ['--eval', '0']
const plainHttp = ['--src-tls-verify=false', '--dest-tls-verify=false']

export const scenarios: readonly Scenario[] = [
  { ...freshCopy('S', 'small'), isForLatency: true },
  freshCopy('M', 'debian'),
  freshCopy('L', 'large'),
  { ...freshCopy('W', 'many'), isForLatency: true },
  {
    name: 'W registry → registry, there',
    isForLatency: true,
    prepare: ({ source, destination }) => [copy(`docker://${source}/many:1`, `docker://${destination}/there/many:1`)],
    run: ({ source, destination }) => ({
      skopeo: copy(`docker://${source}/many:1`, `docker://${destination}/there/many:1`),
      crane: ['copy', '--insecure', `${source}/many:1`, `${destination}/there/many:1`],
    }),
  },
  {
    name: 'M same registry, other repository',
    run: ({ source }, attempt) => ({
      skopeo: copy(`docker://${source}/debian:1`, `docker://${source}/mounted-${attempt}:1`),
      crane: ['copy', '--insecure', `${source}/debian:1`, `${source}/mounted-${attempt}:1`],
    }),
  },
  toLayout('M', 'debian'),
  toLayout('L', 'large'),
  {
    name: 'M oci → registry',
    run: ({ destination }, attempt) => ({
      skopeo: copy(testImage('debian'), `docker://${destination}/pushed-${attempt}:1`),
      crane: undefined,
    }),
  },
  {
    name: 'M oci → oci',
    prepare: ({ folder }) => [copy(testImage('debian'), `oci:${folder}/layout:1`)],
    run: ({ folder }) => ({ skopeo: copy(`oci:${folder}/layout:1`, `oci:${folder}/out:1`), crane: undefined }),
  },
  {
    name: 'M registry → docker-archive',
    run: ({ source, folder }) => ({
      skopeo: copy(`docker://${source}/debian:1`, `docker-archive:${folder}/out:app:1`),
      crane: undefined,
    }),
  },
  {
    name: 'M docker-archive → oci',
    prepare: ({ folder }) => [copy(testImage('debian'), `docker-archive:${folder}/archive:app:1`)],
    run: ({ folder }) => ({
      skopeo: copy(`docker-archive:${folder}/archive`, `oci:${folder}/out:1`),
      crane: undefined,
    }),
  },
  {
    name: 'M docker-archive → registry',
    prepare: ({ folder }) => [copy(testImage('debian'), `docker-archive:${folder}/saved:app:1`)],
    run: ({ folder, destination }, attempt) => ({
      skopeo: copy(`docker-archive:${folder}/saved`, `docker://${destination}/unpacked-${attempt}:1`),
      crane: ['push', '--insecure', `${folder}/saved`, `${destination}/unpacked-${attempt}:1`],
    }),
  },
  {
    name: 'inspect',
    isForLatency: true,
    run: ({ source }) => ({
      skopeo: ['inspect', '--tls-verify=false', '--no-tags', `docker://${source}/many:1`],
      crane: ['config', '--insecure', `${source}/many:1`],
      node: bareNode,
    }),
  },
  {
    name: 'list-tags, 200 of them',
    isForLatency: true,
    prepare: ({ source }) =>
      Array.from({ length: 200 }, (_, tag) => copy(`docker://${source}/small:1`, `docker://${source}/tagged:${tag}`)),
    run: ({ source }) => ({
      skopeo: ['list-tags', '--tls-verify=false', `docker://${source}/tagged`],
      crane: ['ls', '--insecure', `${source}/tagged`],
      node: bareNode,
    }),
  },
  { name: '--version', run: () => ({ skopeo: ['--version'], crane: ['version'], node: bareNode }) },
]

/** What a run leaves in the folder is removed before the next one. */
export async function clearOutput({ folder }: Stage): Promise<void> {
  await rm(`${folder}/out`, { recursive: true, force: true })
}

export function copy(from: string, to: string): readonly string[] {
  return ['--insecure-policy', 'copy', '--quiet', ...plainHttp, from, to]
}

function freshCopy(workload: string, image: TestImageName): Scenario {
  return {
    name: `${workload} registry → registry, fresh`,
    run: ({ source, destination }, attempt) => ({
      skopeo: copy(`docker://${source}/${image}:1`, `docker://${destination}/fresh-${attempt}/${image}:1`),
      crane: ['copy', '--insecure', `${source}/${image}:1`, `${destination}/fresh-${attempt}/${image}:1`],
    }),
  }
}

function toLayout(workload: string, image: TestImageName): Scenario {
  return {
    name: `${workload} registry → oci`,
    run: ({ source, folder }) => ({
      skopeo: copy(`docker://${source}/${image}:1`, `oci:${folder}/out:1`),
      crane: ['pull', '--insecure', '--format=oci', `${source}/${image}:1`, `${folder}/out`],
    }),
  }
}
