import { fc, outcome, textLike } from '@transload/fuzz'
import { expect, test } from 'vitest'

import { formatInspection } from './inspect-format.ts'

const inspection = {
  Name: 'host.example/app',
  Tag: undefined,
  Digest: `sha256:${'0'.repeat(64)}`,
  RepoTags: ['1', '2'],
  Created: '2024-01-02T03:04:05Z',
  DockerVersion: '',
  Labels: { a: 'b' },
  Architecture: 'amd64',
  Os: 'linux',
  Layers: [],
  LayersData: [{ MIMEType: 'a/b', Digest: 'sha256:0', Size: 3, Annotations: null }],
  Env: null,
}

const templates = [
  '{{.Name}}',
  'table {{.Name}}\t{{.Os}}',
  '{{range $i, $e := .RepoTags}}{{if eq $i 1}}{{break}}{{else if $e}}{{$e | printf "%-5q|%T"}}{{end}}{{else}}none{{end}}',
  '{{with $x := index .Labels "a"}}{{len $x}}{{end}}{{json .}}{{define "t"}}{{.}}{{end}}{{template "t" .Os}}',
  '{{- /* c */ -}}{{(index .LayersData 0).Size}}{{.Created.Format "2006-01-02"}}{{slice .Name 1 2}}{{print 0x1F 1e3 \'a\' `r`}}',
  '{{and .Env (not true) | or nil}}{{html .Name}}{{urlquery "a b"}}{{printf "%08.3f %+v %#x %U" 1.5 .Labels 255 65}}',
]

test('a template is refused with a code, or prints, up to an error with a code', () => {
  fc.assert(
    fc.property(textLike(templates), (text) => {
      const report = outcome(() => formatInspection(text, inspection))
      if ('code' in report) expect(report.code).toBe('USAGE')
      else expect(report.value.error?.code ?? 'USAGE').toBe('USAGE')
    }),
  )
})
