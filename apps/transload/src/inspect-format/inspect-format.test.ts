import { describe, expect, it } from 'vitest'

import { parseImageConfig } from '../image-config.ts'
import type { Inspection } from '../inspection.ts'
import { formatImageConfig, formatInspection } from './inspect-format.ts'
import type { Report } from './report.ts'

const inspection: Inspection = {
  Name: 'example.com/app',
  Digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
  Tag: undefined,
  RepoTags: ['v1', 'v2'],
  Created: '2024-01-02T03:04:05Z',
  DockerVersion: '',
  Labels: { version: '1', maintainer: 'Dev <dev@example.com>' },
  Architecture: 'amd64',
  Os: 'linux',
  Layers: ['sha256:aa', 'sha256:bb'],
  LayersData: [
    { MIMEType: 'application/x', Digest: 'sha256:aa', Size: 116, Annotations: null },
    { MIMEType: 'application/x', Digest: 'sha256:bb', Size: 7, Annotations: { k: 'v' } },
  ],
  Env: ['PATH=/usr/bin:/bin', 'GREETING=hello <b>'],
}
const config = parseImageConfig(
  Buffer.from(
    JSON.stringify({
      created: '2024-01-02T03:04:05.5+02:00',
      author: 'Dev',
      architecture: 'amd64',
      os: 'linux',
      config: { User: 'app', Env: ['A=1'], Volumes: { '/v': {} }, Labels: { a: 'b' } },
      rootfs: { type: 'layers', diff_ids: ['sha256:aa'] },
      history: [{ created: '2024-01-02T03:04:05Z', created_by: 'x', empty_layer: true }, { comment: 'c' }],
    }),
  ),
)

/** What a format prints, and what is wrong with it, without the words that every error begins with. */
function outcome(render: () => Report): [string, string] {
  try {
    const { bytes, error } = render()
    return [Buffer.from(bytes).toString(), shortMessage(error)]
  } catch (error) {
    return ['', shortMessage(error)]
  }
}

function shortMessage(error: unknown): string {
  return error instanceof Error ? error.message.replace('template: skopeo inspect:', '') : ''
}

// The expectations of these four are what Go's text/template and skopeo's functions print.
it.each<[string, string]>([
  ['{{.Architecture}} {{.Os}}', 'amd64 linux\n'],
  ['{{.Env}}', '[PATH=/usr/bin:/bin GREETING=hello <b>]\n'],
  ['{{.Labels}}', 'map[maintainer:Dev <dev@example.com> version:1]\n'],
  ['{{json .Labels}}', '{"maintainer":"Dev <dev@example.com>","version":"1"}\n'],
  [
    '{{json .}}',
    '{"Name":"example.com/app","Digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","RepoTags":["v1","v2"],"Created":"2024-01-02T03:04:05Z","DockerVersion":"","Labels":{"maintainer":"Dev <dev@example.com>","version":"1"},"Architecture":"amd64","Os":"linux","Layers":["sha256:aa","sha256:bb"],"LayersData":[{"MIMEType":"application/x","Digest":"sha256:aa","Size":116,"Annotations":null},{"MIMEType":"application/x","Digest":"sha256:bb","Size":7,"Annotations":{"k":"v"}}],"Env":["PATH=/usr/bin:/bin","GREETING=hello <b>"]}\n',
  ],
  [
    '{{.}}',
    '{example.com/app  sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef [v1 v2] 2024-01-02 03:04:05 +0000 UTC  map[maintainer:Dev <dev@example.com> version:1] amd64 linux [sha256:aa sha256:bb] [{application/x sha256:aa 116 map[]} {application/x sha256:bb 7 map[k:v]}] [PATH=/usr/bin:/bin GREETING=hello <b>]}\n',
  ],
  ['{{join .Env ", "}}', 'PATH=/usr/bin:/bin, GREETING=hello <b>\n'],
  ['{{range .Layers}}{{println .}}{{end}}', 'sha256:aa\nsha256:bb\n\n'],
  ['a\\tb\\n{{.Os}}', 'a\tb\nlinux\n'],
  ['table {{.Os}}\\t{{.Architecture}}', 'linux       amd64\n'],
  ['table {{.Os}} {{.Architecture}}', 'linux       amd64\n'],
  [
    '{{upper .Os}} {{title "abc def"}} {{pad .Os 2 3}}| {{truncate .Architecture 3}} {{split "a,b" ","}}',
    'LINUX Abc Def   linux   | amd [a b]\n',
  ],
  ['{{index .Labels "version"}}', '1\n'],
  ['{{.Labels.version}}', '1\n'],
  ['{{range .LayersData}}{{.MIMEType}} {{.Size}}{{"\\n"}}{{end}}', 'application/x 116\napplication/x 7\n'],
  ['{{.LayersData}}', '[{application/x sha256:aa 116 map[]} {application/x sha256:bb 7 map[k:v]}]\n'],
  ['{{.Name}}', 'example.com/app\n'],
  ['plain', 'plain\n'],
  ['{{range .Env}}{{.}}{{"\\n"}}{{end}}', 'PATH=/usr/bin:/bin\nGREETING=hello <b>\n'],
  ['{{printf "%T %T %T" . .Created .Digest}}', 'inspect.Output *time.Time digest.Digest\n'],
  [
    '{{printf "%+v" .}}',
    '{Name:example.com/app Tag: Digest:sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef RepoTags:[v1 v2] Created:2024-01-02 03:04:05 +0000 UTC DockerVersion: Labels:map[maintainer:Dev <dev@example.com> version:1] Architecture:amd64 Os:linux Layers:[sha256:aa sha256:bb] LayersData:[{MIMEType:application/x Digest:sha256:aa Size:116 Annotations:map[]} {MIMEType:application/x Digest:sha256:bb Size:7 Annotations:map[k:v]}] Env:[PATH=/usr/bin:/bin GREETING=hello <b>]}\n',
  ],
  [
    '{{printf "%#v" .LayersData}}',
    '[]types.ImageInspectLayer{types.ImageInspectLayer{MIMEType:"application/x", Digest:"sha256:aa", Size:116, Annotations:map[string]string(nil)}, types.ImageInspectLayer{MIMEType:"application/x", Digest:"sha256:bb", Size:7, Annotations:map[string]string{"k":"v"}}}\n',
  ],
  ['{{printf "%#v" .Created}}', 'time.Date(2024, time.January, 2, 3, 4, 5, 0, time.UTC)\n'],
  ['{{.Created.Month}} {{printf "%d" .Created.Month}}', 'January 1\n'],
  ['{{.Labels.nope}}', '<no value>\n'],
  ['{{range 3}}{{.}}{{end}}', '012\n'],
  ['{{"\\n"}}', '\n'],
  ['{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}', 'maintainer=Dev <dev@example.com>;version=1;\n'],
  ['{{range $i, $e := .Env}}{{$i}}:{{$e}} {{end}}', '0:PATH=/usr/bin:/bin 1:GREETING=hello <b> \n'],
  ['{{if eq .Os "linux"}}yes{{else}}no{{end}}', 'yes\n'],
  ['{{if and .Name .Os}}a{{else if .Os}}b{{else}}c{{end}}', 'a\n'],
  ['{{with .Name}}x{{else with .Os}}{{.}}{{end}}', 'x\n'],
  ['{{with $x := .Os}}{{$x}}{{end}}', 'linux\n'],
  ['{{$x := 1}}{{range .Env}}{{$x = 2}}{{end}}{{$x}}', '2\n'],
  ['{{len .Env}} {{len .Os}} {{len .Labels}}', '2 5 2\n'],
  ['{{slice .Digest 7 12}}', '01234\n'],
  ['{{(index .LayersData 0).Size}}', '116\n'],
  [
    '{{printf "%s|%d|%v" .Name (len .Layers) .Labels}}',
    'example.com/app|2|map[maintainer:Dev <dev@example.com> version:1]\n',
  ],
  [
    '{{printf "%q" .Name}} {{printf "%-8s|" .Os}} {{printf "%08.3f|%+d|%x|%X" 3.14159 5 255 "hi"}}',
    '"example.com/app" linux   | 0003.142|+5|ff|6869\n',
  ],
  ['{{printf "%d" .Os}}', '%!d(string=linux)\n'],
  ['{{printf "%s %d" .Os}}', 'linux %!d(MISSING)\n'],
  ['{{printf "%s" .Os .Architecture}}', 'linux%!(EXTRA string=amd64)\n'],
  ['{{printf "%[2]s %[1]s" .Os .Architecture}}', 'amd64 linux\n'],
  ['{{printf "%*d|%-*d|" 5 3 5 3}}', '    3|3    |\n'],
  ['{{printf "%!"}} {{printf "%"}} {{printf "%z" 3}}', '%!!(MISSING) %!(NOVERB) %!z(int=3)\n'],
  ['{{printf "%v %v %v" true nil 1.5}}', 'true <nil> 1.5\n'],
  ['{{printf "%t %c %U %q" true 65 8364 65}}', "true A U+20AC 'A'\n"],
  ['{{print 1 2 "a" 3 4 nil}}', '1 2a3 4 <nil>\n'],
  ['{{println "a" 1 true}}', 'a 1 true\n\n'],
  [
    '{{html "<a href=\'x\'>&\\""}} {{js "it\'s <b>"}} {{urlquery "a b&c/é"}}',
    "&lt;a href=&#39;x&#39;&gt;&amp;&#34; it\\'s \\u003Cb\\u003E a+b%26c%2F%C3%A9\n",
  ],
  ['{{not .Name}} {{and 1 0 2}} {{or 0 "x" 2}}', 'false 0 x\n'],
  [
    '{{eq .Os "a" "linux"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1.5 2.5}}',
    'true true true true true false\n',
  ],
  ['{{block "B" .Os}}[{{.}}]{{end}}', '[linux]\n'],
  ['{{range .Env}}{{break}}{{end}}x', 'x\n'],
  ['{{range .Env}}{{continue}}{{.}}{{end}}x', 'x\n'],
  ['{{break}}', ''],
  ['{{/* comment */}}x', 'x\n'],
  ['{{- .Os -}}   y', 'linuxy\n'],
  [' a {{- .Os }} b {{ .Os -}} c', ' alinux b linuxc\n'],
  ['{{.Os | upper | printf "%s-%s" "x"}}', 'x-LINUX\n'],
  ["{{1}} {{0x1F}} {{1_000}} {{1e3}} {{'a'}} {{.5}} {{-3}} {{1e30}} {{true}}", '1 31 1000 1000 97 0.5 -3 1e+30 true\n'],
  [
    '{{.Digest.Encoded}} {{.Digest.Algorithm}} {{.Digest.Algorithm.Size}} {{.Digest.Validate}} {{.Digest.Hex}} {{.Digest.String}}',
    '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef sha256 32 <nil> 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n',
  ],
  [
    '{{.Created}} {{.Created.Year}} {{.Created.Unix}} {{.Created.Format "Mon Jan _2 15:04:05 MST 2006"}} {{.Created.Weekday}} {{.Created.YearDay}}',
    '2024-01-02 03:04:05 +0000 UTC 2024 1704164645 Tue Jan  2 03:04:05 UTC 2024 Tuesday 2\n',
  ],
  [
    '{{.Created.UTC}} {{.Created.IsZero}} {{.Created.UnixNano}} {{.Created.Nanosecond}} {{.Created.Hour}} {{.Created.String}}',
    '2024-01-02 03:04:05 +0000 UTC false 1704164645000000000 0 3 2024-01-02 03:04:05 +0000 UTC\n',
  ],
  ['{{else}}', ''],
  ['{{ .Os | }}', 'linux\n'],
  ['{{ "\\u00e9\\x41\\101" }}', 'éAA\n'],
  ['{{ "a" | len | printf "%d" }}', '1\n'],
  ['{{range .}}{{.Os}}{{end}}', 'linux\n'],
  ['{{range . }} {{.Os}} {{ end -}} x', ' linux x\n'],
  ['{{index .Os 0}} {{index .Env 0 1}}', '108 65\n'],
  ['{{join .Layers "\\n"}}', 'sha256:aa\nsha256:bb'],
  ['{{join (split "a b c" " ") "-"}}', 'a-b-c\n'],
  [
    '{{lower "ÀB"}} {{upper "straße é"}} {{title "hello wORLD o\'neil foo_bar"}}',
    "àb STRAßE É Hello WORLD O'Neil Foo_bar\n",
  ],
  ['{{truncate "é€x" 1}}|', '�|\n'],
  ['{{len "é€"}}', '5\n'],
  ['{{split "a,b,,c" ","}} {{split "abc" ""}}', '[a b  c] [a b c]\n'],
  ['{{printf "%5.1f|%-10s|%10s|%.2s" 2.25 "ab" "é€" "é€x"}}', '  2.2|ab        |        é€|é€\n'],
  [
    '{{printf "%v %+v %#v" .Labels .Labels .Labels}}',
    'map[maintainer:Dev <dev@example.com> version:1] map[maintainer:Dev <dev@example.com> version:1] map[string]string{"maintainer":"Dev <dev@example.com>", "version":"1"}\n',
  ],
  ['{{printf "%#v %#v %#v %#v" "a" 1 1.5 true}}', '"a" 1 1.5 true\n'],
  [
    '{{printf "%s %q %x" .Env .Env .Os}}',
    '[PATH=/usr/bin:/bin GREETING=hello <b>] ["PATH=/usr/bin:/bin" "GREETING=hello <b>"] 6c696e7578\n',
  ],
  ['{{printf "%d" .Env}}', '[%!d(string=PATH=/usr/bin:/bin) %!d(string=GREETING=hello <b>)]\n'],
  ['{{printf "%e %g %G %E" 123456.789 1e21 1e-7 0.00001}}', '1.234568e+05 1e+21 1E-07 1.000000E-05\n'],
  ['{{1e21}} {{1e20}} {{123456789.5}} {{1.0}} {{1e-5}} {{0.0001}}', '1e+21 1e+20 1.234567895e+08 1 1e-05 0.0001\n'],
  [
    'table {{.Os}}\\t{{.Architecture}}\\nlonger line here\\tx',
    'linux       amd64\nlonger      line        here        x\n',
  ],
  ['table {{range .Env}}{{.}}\\tx\\n{{end}}', 'PATH=/usr/bin:/bin  x\nGREETING=hello <b>  x\n\n'],
  ['table', 'table\n'],
  ['table x', 'x\n'],
  ['{{range .LayersData}}{{.Digest}}\\t{{.Size}}\\n{{end}}', 'sha256:aa\t116\nsha256:bb\t7\n\n'],
  ['{{eq .Labels nil}} {{eq .Os nil}}', 'false false\n'],
  [
    '{{- range $i, $l := .LayersData -}}{{$i}}={{$l.Size}}{{with $l.Annotations}} {{.k}}{{end}}{{"\\n"}}{{- end -}}',
    '0=116\n1=7 v\n',
  ],
])('%s', (format, expected) => {
  expect(outcome(() => formatInspection(format, inspection))).toEqual([expected, ''])
})

it.each<[string, string, string]>([
  ['{{.Nope}}', '', '1:13: executing "skopeo inspect" at <.Nope>: can\'t evaluate field Nope in type interface {}'],
  ['{{bad', '', "1: bad character U+007B '{'"],
  ['{{nofunc .}}', '', '1: function "nofunc" not defined'],
  ['{{$.Os}}', '', '1:14: executing "skopeo inspect" at <$.Os>: can\'t evaluate field Os in type []interface {}'],
  [
    '{{with .}}{{.Nope}}{{end}}',
    '',
    '1:23: executing "skopeo inspect" at <.Nope>: can\'t evaluate field Nope in type inspect.Output',
  ],
  [
    '{{upper .Digest}}',
    '',
    '1:19: executing "skopeo inspect" at <.Digest>: wrong type for value; expected string; got digest.Digest',
  ],
  [
    '{{.Os}} {{.Nope}}',
    'linux ',
    '1:21: executing "skopeo inspect" at <.Nope>: can\'t evaluate field Nope in type interface {}',
  ],
  [
    '{{pad "a" -1 2}}',
    '',
    '1:13: executing "skopeo inspect" at <pad "a" -1 2>: error calling pad: strings: negative Repeat count',
  ],
  [
    '{{truncate .Os -1}}',
    '',
    '1:13: executing "skopeo inspect" at <truncate .Os -1>: error calling truncate: runtime error: slice bounds out of range [:-1]',
  ],
  [
    '{{index .Env 5}}',
    '',
    '1:13: executing "skopeo inspect" at <index .Env 5>: error calling index: index out of range: 5',
  ],
  [
    '{{index .Env 2}}',
    '',
    '1:13: executing "skopeo inspect" at <index .Env 2>: error calling index: reflect: slice index out of range',
  ],
  ['{{template "x"}}', '', '1:22: executing "skopeo inspect" at <{{template "x"}}>: template "x" not defined'],
  ['{{len .}}', '', '1:13: executing "skopeo inspect" at <len .>: error calling len: len of type inspect.Output'],
  [
    '{{len nil}}',
    '',
    '1:13: executing "skopeo inspect" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value',
  ],
  [
    '{{(index .LayersData 0).Nope}}',
    '',
    '1:32: executing "skopeo inspect" at <0>: can\'t evaluate field Nope in type types.ImageInspectLayer',
  ],
  [
    '{{eq 1 1.0}}',
    '',
    '1:13: executing "skopeo inspect" at <eq 1 1.0>: error calling eq: incompatible types for comparison: int and float64',
  ],
  [
    '{{eq .Env .Env}}',
    '',
    '1:13: executing "skopeo inspect" at <eq .Env .Env>: error calling eq: non-comparable type [PATH=/usr/bin:/bin GREETING=hello <b>]: []string',
  ],
  [
    '{{eq .Env .Labels}}',
    '',
    '1:13: executing "skopeo inspect" at <eq .Env .Labels>: error calling eq: non-comparable types [PATH=/usr/bin:/bin GREETING=hello <b>]: []string, map[string]string: map[maintainer:Dev <dev@example.com> version:1]',
  ],
  [
    '{{lt true false}}',
    '',
    '1:13: executing "skopeo inspect" at <lt true false>: error calling lt: invalid type for comparison',
  ],
  ['{{eq}}', '', '1:13: executing "skopeo inspect" at <eq>: wrong number of args for eq: want at least 1 got 0'],
  ['{{eq 1}}', '', '1:13: executing "skopeo inspect" at <eq 1>: error calling eq: missing argument for comparison'],
  ['{{define "T"}}<{{.}}>{{end}}{{template "T" .Os}}', '', '1: unexpected <define> in command'],
  ['{{"a" | "b"}}', '', '1: non executable command in pipeline stage 2'],
  ['{{.Os "x"}}', '', '1:13: executing "skopeo inspect" at <.Os>: Os has arguments but cannot be invoked as function'],
  [
    '{{.Labels.version "x"}}',
    '',
    '1:20: executing "skopeo inspect" at <.Labels.version>: version is not a method but has arguments',
  ],
  ['{{nil}}', '', '1:13: executing "skopeo inspect" at <nil>: nil is not a command'],
  ['{{99999999999999999999}}', '', '1: integer overflow: "99999999999999999999"'],
  ['{{1 2}}', '', '1:13: executing "skopeo inspect" at <1>: can\'t give argument to non-function 1'],
  ['{{.Os.Foo}}', '', '1:16: executing "skopeo inspect" at <.Os.Foo>: can\'t evaluate field Foo in type string'],
  [
    '{{.Digest.Foo}} ',
    '',
    '1:20: executing "skopeo inspect" at <.Digest.Foo>: can\'t evaluate field Foo in type digest.Digest',
  ],
  [
    '{{.Created.Format}}',
    '',
    '1:21: executing "skopeo inspect" at <.Created.Format>: wrong number of args for Format: want 1 got 0',
  ],
  ['{{.Created.Format 1}}', '', '1:29: executing "skopeo inspect" at <1>: expected string; found 1'],
  ['{{if}}x{{end}}', '', '1: missing value for if'],
  ['{{if .Os}}x', '', '1: unexpected EOF'],
  ['{{end}}', '', '1: unexpected {{end}}'],
  ['{{range .Env}}{{else}}{{else}}{{end}}', '', '1: expected end; found {{else}}'],
  ['{{.Os}', '', "1: bad character U+007D '}'"],
  ['{{ "abc }}', '', '1: unterminated quoted string'],
  ['{{ `abc }}', '', '1: unterminated raw quoted string'],
  ["{{ 'ab' }}", '', "1: malformed character constant: 'ab'"],
  ['{{ | .Os }}', '', '1: unexpected "|" in command'],
  ['{{ () }}', '', '1: missing value for parenthesized pipeline'],
  ['{{ (.Os }}', '', '1: unclosed left paren'],
  ['{{ .Os) }}', '', '1: unexpected right paren'],
  ['{{ $x }}', '', '1: undefined variable "$x"'],
  ['{{ $x := }}', '', '1: missing value for command'],
  ['{{ $x, $y := .Env }}', '', '1: too many declarations in command'],
  ['{{ @ }}', '', '1: unexpected "@" in command'],
  ['{{ é }}', '', '1: function "é" not defined'],
  ['{{ .Os ; }}', '', '1: unexpected ";" in operand'],
  ['{{ .é }}', '', '1:14: executing "skopeo inspect" at <.é>: can\'t evaluate field é in type interface {}'],
  ['{{ 1a }}', '', '1: bad number syntax: "1a"'],
  ['{{ 1+2 }}', '', '1: bad number syntax: "1+2"'],
  ['{{ 0b12 }}', '', '1: bad number syntax: "0b12"'],
  ['{{ "\\z" }}', '', '1: invalid syntax'],
  ['{{ "a".b }}', '', '1: unexpected . after term "\\"a\\""'],
  ['{{ nil.x }}', '', '1: unexpected . after term "nil"'],
  ['{{ template }}', '', '1: unexpected "}}" in template clause'],
  ['{{ template "x" . }}', '', '1:23: executing "skopeo inspect" at <{{template "x" .}}>: template "x" not defined'],
  ['{{ define "x" }}', '', '1: unexpected <define> in command'],
  ['{{ define x }}{{end}}', '', '1: unexpected <define> in command'],
  [
    '{{range .}}{{.Os}}{{end}}{{.Os}}',
    'linux',
    '1:27: executing "skopeo inspect" at <.Os>: can\'t evaluate field Os in type []interface {}',
  ],
  [
    '{{range $i, $x := .}}{{$i}}{{$x.Os}}{{end}}',
    '',
    '1:29: executing "skopeo inspect" at <.>: range can\'t iterate over {example.com/app  sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef [v1 v2] 2024-01-02 03:04:05 +0000 UTC  map[maintainer:Dev <dev@example.com> version:1] amd64 linux [sha256:aa sha256:bb] [{application/x sha256:aa 116 map[]} {application/x sha256:bb 7 map[k:v]}] [PATH=/usr/bin:/bin GREETING=hello <b>]}',
  ],
  [
    '{{index .Labels 1}}',
    '',
    '1:13: executing "skopeo inspect" at <index .Labels 1>: error calling index: value has type int; should be string',
  ],
  [
    '{{index .Labels "a" "b"}}',
    '',
    '1:13: executing "skopeo inspect" at <index .Labels "a" "b">: error calling index: cannot index slice/array with type string',
  ],
  [
    '{{index nil 1}}',
    '',
    '1:13: executing "skopeo inspect" at <index nil 1>: error calling index: index of untyped nil',
  ],
  [
    '{{slice .Env 1}} {{slice .Env 0 1}} {{slice .Os 1 2 3}}',
    '[GREETING=hello <b>] [PATH=/usr/bin:/bin] ',
    '1:49: executing "skopeo inspect" at <slice .Os 1 2 3>: error calling slice: cannot 3-index slice a string',
  ],
  [
    '{{slice .Env 2 1}}',
    '',
    '1:13: executing "skopeo inspect" at <slice .Env 2 1>: error calling slice: invalid slice index: 2 > 1',
  ],
  [
    '{{slice 1 2}}',
    '',
    '1:13: executing "skopeo inspect" at <slice 1 2>: error calling slice: can\'t slice item of type int',
  ],
  [
    '{{call .Os}}',
    '',
    '1:13: executing "skopeo inspect" at <call .Os>: error calling call: non-function .Os of type string',
  ],
  ['{{call nil}}', '', '1:13: executing "skopeo inspect" at <call nil>: error calling call: call of nil'],
  ['{{join .Env}}', '', '1:13: executing "skopeo inspect" at <join>: wrong number of args for join: want 2 got 1'],
  [
    '{{join .Os ","}}',
    '',
    '1:18: executing "skopeo inspect" at <.Os>: wrong type for value; expected []string; got string',
  ],
  [
    '{{range 2}}{{.}}{{else}}none{{end}} {{range .Labels.version}}{{end}}',
    '01 ',
    '1:62: executing "skopeo inspect" at <.Labels.version>: range can\'t iterate over 1',
  ],
])('%s prints %j and fails', (format, expected, problem) => {
  expect(outcome(() => formatInspection(format, inspection))).toEqual([expected, problem])
})

it.each<[string, string]>([
  ['{{.OS}} {{.RootFS.Type}}', 'linux layers\n'],
  ['{{printf "%T" .}}', '*v1.Image\n'],
  [
    '{{.}}',
    '{2024-01-02 03:04:05.5 +0200 +0200 Dev {amd64 linux  [] } {app map[] [A=1] [] [] map[/v:{}]  map[a:b]  false} {layers [sha256:aa]} [{2024-01-02 03:04:05 +0000 UTC x   true} {<nil>   c false}]}\n',
  ],
  ['{{.History}}', '[{2024-01-02 03:04:05 +0000 UTC x   true} {<nil>   c false}]\n'],
  [
    '{{json .}}',
    '{"created":"2024-01-02T03:04:05.5+02:00","author":"Dev","architecture":"amd64","os":"linux","config":{"User":"app","Env":["A=1"],"Volumes":{"/v":{}},"Labels":{"a":"b"}},"rootfs":{"type":"layers","diff_ids":["sha256:aa"]},"history":[{"created":"2024-01-02T03:04:05Z","created_by":"x","empty_layer":true},{"comment":"c"}]}\n',
  ],
  ['{{.Platform}}', '{amd64 linux  [] }\n'],
  [
    '{{printf "%v" .}}',
    '&{2024-01-02 03:04:05.5 +0200 +0200 Dev {amd64 linux  [] } {app map[] [A=1] [] [] map[/v:{}]  map[a:b]  false} {layers [sha256:aa]} [{2024-01-02 03:04:05 +0000 UTC x   true} {<nil>   c false}]}\n',
  ],
  ['{{.Config.Volumes}}', 'map[/v:{}]\n'],
  ['{{break}}', ''],
  [
    '{{.Created}} {{.Created.UTC}} {{.Created.Format "3:04PM -07:00 Z07:00 MST .000 .999 002 January"}} {{json .Created}}',
    '2024-01-02 03:04:05.5 +0200 +0200 2024-01-02 01:04:05.5 +0000 UTC 3:04AM +02:00 +02:00 +0200 .500 .5 002 January "2024-01-02T03:04:05.5+02:00"\n',
  ],
  ['{{.Config}} {{.RootFS}}', '{app map[] [A=1] [] [] map[/v:{}]  map[a:b]  false} {layers [sha256:aa]}\n'],
  ['{{.Config.Labels.a}} {{.OSVersion}} {{.OSFeatures}} {{.Variant}}', 'b  [] \n'],
  ['{{printf "%#v" .Created}}', 'time.Date(2024, time.January, 2, 3, 4, 5, 500000000, time.Location(""))\n'],
])('--config %s', (format, expected) => {
  expect(outcome(() => formatImageConfig(format, config))).toEqual([expected, ''])
})

it.each<[string, string, string]>([
  ['{{.Os}}', '', '1:13: executing "skopeo inspect" at <.Os>: can\'t evaluate field Os in type interface {}'],
  [
    '{{with .}}{{.Nope}}{{end}}',
    '',
    '1:23: executing "skopeo inspect" at <.Nope>: can\'t evaluate field Nope in type *v1.Image',
  ],
  [
    '{{range .History}}{{.Created}} {{.Created.Year}}{{end}}',
    '2024-01-02 03:04:05 +0000 UTC 2024<nil> ',
    '1:52: executing "skopeo inspect" at <.Created.Year>: error calling Year: value method time.Time.Year called using nil *Time pointer',
  ],
  [
    '{{.Config.Nope}}',
    '',
    '1:20: executing "skopeo inspect" at <.Config.Nope>: can\'t evaluate field Nope in type v1.ImageConfig',
  ],
  [
    '{{(index .History 1).Created.Year}}',
    '',
    '1:31: executing "skopeo inspect" at <(index .History 1).Created.Year>: error calling Year: value method time.Time.Year called using nil *Time pointer',
  ],
])('--config %s prints %j and fails', (format, expected, problem) => {
  expect(outcome(() => formatImageConfig(format, config))).toEqual([expected, problem])
})

describe('templates without end', () => {
  it.each<[string, string]>([
    ['{{range 1000000000000}}{{end}}', 'does not come to an end'],
    ['{{range 1000000000000}}{{printf "%100000d" .}}{{end}}', 'more than 16777216 bytes of output'],
    ['{{$x := "a"}}{{range 100}}{{$x = print $x $x}}{{end}}', 'more than 16777216 bytes'],
    ['{{pad "x" 1000000000 1}}', 'output length overflow'],
    ['{{define "T"}}{{template "T" .}}{{end}}{{range .}}{{template "T" .}}{{end}}', 'maximum template depth'],
    [`{{${'('.repeat(20_000)}1${')'.repeat(20_000)}}}`, 'max expression depth exceeded'],
    ['{{if 1}}'.repeat(5000) + '{{end}}'.repeat(5000), 'max expression depth exceeded'],
  ])('%#: %s', (format, problem) => {
    expect(outcome(() => formatInspection(format, inspection))[1]).toContain(problem)
  })
})

it('knows nothing of what JavaScript objects have', () => {
  const shown = { ...inspection, Labels: Object.fromEntries([['__proto__', 'label']]) }
  const read = (format: string): [string, string] => outcome(() => formatInspection(format, shown))
  expect(read('{{.Labels.__proto__}} {{.Labels.constructor}} {{index .Labels "toString"}}')).toEqual([
    'label <no value> \n',
    '',
  ])
  expect(read('{{.constructor}}')[1]).toContain("can't evaluate field constructor")
})

it('shows what is not there as Go does', () => {
  const bare: Inspection = { ...inspection, Name: undefined, RepoTags: null, Created: null, Labels: null, Env: null }
  const format = '{{.Name}}|{{.RepoTags}}|{{.Created}}|{{.Labels}}|{{json .Env}}|{{json .Created}}'
  expect(outcome(() => formatInspection(format, bare))).toEqual(['|[]|<nil>|map[]|null|null\n', ''])
})

it('throws USAGE for what cannot be parsed, and returns it with what is printed until then', () => {
  expect(() => formatInspection('{{', inspection)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  expect(formatInspection('a{{.Nope}}', inspection).error).toMatchObject({ code: 'USAGE' })
})
