import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { mediaTypes } from '@transload/contract'
import { peer, requirePeers, type ProcessOutput } from '@transload/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createUser, fatalMessage, type Outcome, type User } from '../run-cli.ts'

const missing = requirePeers('skopeo')

let user: User
beforeAll(async () => {
  if (missing) return
  user = await createUser()
  await writeImage(join(user.home, 'image'))
})
afterAll(() => user?.[Symbol.asyncDispose]())

describe.skipIf(missing)(`inspect --format prints and says what skopeo does ${missing ?? ''}`, () => {
  test.each([
    '{{.Architecture}} {{.Os}}',
    '{{.Env}}',
    '{{.Labels}}',
    '{{json .Labels}}',
    '{{json .}}',
    '{{.}}',
    '{{join .Env ", "}}',
    '{{range .Layers}}{{println .}}{{end}}',
    'a\\tb\\n{{.Os}}',
    'table {{.Os}}\\t{{.Architecture}}',
    'table {{.Os}} {{.Architecture}}',
    '{{upper .Os}} {{title "abc def"}} {{pad .Os 2 3}}| {{truncate .Architecture 3}} {{split "a,b" ","}}',
    '{{index .Labels "version"}}',
    '{{.Labels.version}}',
    '{{range .LayersData}}{{.MIMEType}} {{.Size}}{{"\\n"}}{{end}}',
    '{{.LayersData}}',
    '{{.Name}}',
    'plain',
    '{{.Nope}}',
    '{{bad',
    '{{nofunc .}}',
    '{{range .Env}}{{.}}{{"\\n"}}{{end}}',
    '{{printf "%T %T %T" . .Created .Digest}}',
    '{{printf "%+v" .}}',
    '{{printf "%#v" .LayersData}}',
    '{{printf "%#v" .Created}}',
    '{{$.Os}}',
    '{{with .}}{{.Nope}}{{end}}',
    '{{upper .Digest}}',
    '{{.Created.Month}} {{printf "%d" .Created.Month}}',
    '{{.Labels.nope}}',
    '{{range 3}}{{.}}{{end}}',
    '{{.Os}} {{.Nope}}',
    '{{"\\n"}}',
    '{{pad "a" -1 2}}',
    '{{truncate .Os -1}}',
    '{{index .Env 5}}',
    '{{index .Env 2}}',
    '{{template "x"}}',
    '{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}',
    '{{range $i, $e := .Env}}{{$i}}:{{$e}} {{end}}',
    '{{if eq .Os "linux"}}yes{{else}}no{{end}}',
    '{{if and .Name .Os}}a{{else if .Os}}b{{else}}c{{end}}',
    '{{with .Name}}x{{else with .Os}}{{.}}{{end}}',
    '{{with $x := .Os}}{{$x}}{{end}}',
    '{{$x := 1}}{{range .Env}}{{$x = 2}}{{end}}{{$x}}',
    '{{len .Env}} {{len .Os}} {{len .Labels}}',
    '{{len .}}',
    '{{len nil}}',
    '{{slice .Digest 7 12}}',
    '{{(index .LayersData 0).Size}}',
    '{{(index .LayersData 0).Nope}}',
    '{{printf "%d" .Os}}',
    '{{printf "%[2]s %[1]s" .Os .Architecture}}',
    '{{printf "%v %v %v" true nil 1.5}}',
    '{{println "a" 1 true}}',
    '{{eq 1 1.0}}',
    '{{eq .Env .Labels}}',
    '{{eq 1}}',
    '{{range .Env}}{{break}}{{end}}x',
    '{{/* comment */}}x',
    '{{.Os | upper | printf "%s-%s" "x"}}',
    '{{.Labels.version "x"}}',
    '{{99999999999999999999}}',
    '{{.Digest.Foo}} ',
    '{{.Created.Format}}',
    '{{if}}x{{end}}',
    '{{else}}',
    '{{ "abc }}',
    '{{ .Os | }}',
    '{{ (.Os }}',
    '{{ $x := }}',
    '{{ é }}',
    '{{ 1a }}',
    '{{ "\\z" }}',
    '{{ nil.x }}',
    '{{ define "x" }}',
    '{{range .}}{{.Os}}{{end}}',
    '{{range $i, $x := .}}{{$i}}{{$x.Os}}{{end}}',
    '{{index nil 1}}',
    '{{slice .Env 2 1}}',
    '{{call nil}}',
    '{{join .Os ","}}',
    '{{truncate "é€x" 1}}|',
    '{{printf "%5.1f|%-10s|%10s|%.2s" 2.25 "ab" "é€" "é€x"}}',
    '{{printf "%s %q %x" .Env .Env .Os}}',
    '{{1e21}} {{1e20}} {{123456789.5}} {{1.0}} {{1e-5}} {{0.0001}}',
    '{{json}}',
    'table {{.Os}}\\t{{.Architecture}}\\nlonger line here\\tx',
    'table {{range .Env}}{{.}}\\tx\\n{{end}}',
    'table',
    'table x',
    '{{eq .Labels nil}} {{eq .Os nil}}',
  ])('%s', async (format) => {
    const { ours, theirs } = await inspectWithBoth(['--format', format])
    expect(ours).toEqual(theirs)
  })
})

describe.skipIf(missing)(`and with --config ${missing ?? ''}`, () => {
  test.each([
    '{{.OS}} {{.RootFS.Type}}',
    '{{.Os}}',
    '{{printf "%T" .}}',
    '{{.}}',
    '{{with .}}{{.Nope}}{{end}}',
    '{{.History}}',
    '{{json .}}',
    '{{.Platform}}',
    '{{printf "%v" .}}',
    '{{.Config.Volumes}}',
    '{{range .History}}{{.Created}} {{.Created.Year}}{{end}}',
    '{{.Config.Nope}}',
    '{{break}}',
    '{{.Created}} {{.Created.UTC}} {{.Created.Format "3:04PM -07:00 Z07:00 MST .000 .999 002 January"}} {{json .Created}}',
    '{{.Config}} {{.RootFS}}',
    '{{(index .History 1).Created.Year}}',
    '{{.Config.Labels.a}} {{.OSVersion}} {{.OSFeatures}} {{.Variant}}',
    '{{printf "%#v" .Created}}',
  ])('%s', async (format) => {
    const { ours, theirs } = await inspectWithBoth(['--config', '--format', format])
    expect(ours).toEqual(theirs)
  })
})

describe.skipIf(missing)(`and other flags ${missing ?? ''}`, () => {
  test.each([
    [['-f', '{{.Os}}']],
    [['--format=']],
    [['--raw', '--format', '{{.Os}}']],
    [['--raw', '--config', '--format', 'json']],
    [['--raw', '--format', '']],
    [['--config', '--format', 'json']],
    [['--config', '--format', '{{']],
  ])('%j', async (flags) => {
    const { ours, theirs } = await inspectWithBoth(flags)
    expect(ours).toEqual(theirs)
  })
})

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly problem: string | undefined
}

async function inspectWithBoth(flags: readonly string[]): Promise<{ readonly ours: Said; readonly theirs: Said }> {
  const words = ['--insecure-policy', 'inspect', ...flags, `dir:${join(user.home, 'image')}`]
  const [ours, theirs] = await Promise.all([user.run(words), peer('skopeo').run(words, { cwd: user.home })])
  return { ours: said(ours), theirs: said(theirs) }
}

function said(outcome: Outcome | ProcessOutput): Said {
  const { code = null, stdout } = outcome
  return { code, stdout, problem: code === 0 ? undefined : fatalMessage(outcome) }
}

/** A `dir:` image that has something of everything; layers are only named. */
async function writeImage(directory: string): Promise<void> {
  const config = JSON.stringify({
    created: '2024-01-02T03:04:05Z',
    author: 'Dev <dev@example.com>',
    architecture: 'amd64',
    os: 'linux',
    config: {
      User: 'app',
      ExposedPorts: { '80/tcp': {} },
      Env: ['PATH=/usr/bin:/bin', 'GREETING=hello <b>'],
      Cmd: ['/bin/sh'],
      Volumes: { '/v': {} },
      Labels: { version: '1', maintainer: 'Dev <dev@example.com>', currency: 'é€' },
    },
    rootfs: { type: 'layers', diff_ids: [digestOf('one'), digestOf('two')] },
    history: [
      { created: '2024-01-02T03:04:05.5+02:00', created_by: 'x', empty_layer: true },
      { comment: 'without a time' },
    ],
  })
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', size: 116 }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: Buffer.byteLength(config) },
    layers: [
      { ...layer, digest: digestOf('1'), annotations: { key: 'value' } },
      { ...layer, digest: digestOf('2') },
    ],
  })
  await mkdir(directory)
  await writeFile(join(directory, 'version'), 'Directory Transport Version: 1.1\n')
  await writeFile(join(directory, 'manifest.json'), manifest)
  await writeFile(join(directory, digestOf(config).replace('sha256:', '')), config)
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
