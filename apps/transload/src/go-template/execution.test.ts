import { describe, expect, it } from 'vitest'

import { fromBytes, toBytes } from './byte-text.ts'
import { executeTemplate } from './execution.ts'
import { parseTemplate } from './parser.ts'
import { goString } from './value.ts'

function execute(template: string): string {
  const { text, error } = executeTemplate(parseTemplate('t', toBytes(template)), goString('dot'))
  if (error) throw error
  return fromBytes(text)
}

// The expectations are what Go prints.
describe('printf and constants', () => {
  it.each<[string, string]>([
    [
      '{{printf "%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%#o|%O|%b|%c|%q|%U|%#U" 42 42 42 42 42 255 255 255 8 8 8 5 233 233 233 233}}',
      "   42|42   |00042|+42| 42|ff|FF|0xff|10|010|0o10|101|é|'é'|U+00E9|U+00E9 'é'",
    ],
    ['{{printf "%.3d|%8.3d|%-8.3d|%.0d|%08.3d" 5 5 5 0 5}}', '005|     005|005     ||     005'],
    [
      '{{printf "%f|%.2f|%8.2f|%-8.2f|%08.2f|%+.1f|%.0f" 3.14159 3.14159 3.14159 3.14159 3.14159 0.25 2.5}}',
      '3.141590|3.14|    3.14|3.14    |00003.14|+0.2|2',
    ],
    [
      '{{printf "%e|%.2e|%g|%.3g|%G|%v" 1234.5678 1234.5678 1234567.0 1234.5678 1e-7 100000.0}}',
      '1.234568e+03|1.23e+03|1.234567e+06|1.23e+03|1E-07|100000',
    ],
    [
      '{{printf "%s|%10s|%-10s|%.2s|%q|%#q|%+q|%x|% x|%#x|%# X" "héy" "héy" "héy" "héy" "a\\"b\\n" "ab" "é" "hi" "hi" "hi" "hi"}}',
      'héy|       héy|héy       |hé|"a\\"b\\n"|`ab`|"\\u00e9"|6869|68 69|0x6869|0X68 0X69',
    ],
    ['{{printf "%[2]d %[1]d|%d" 1 2}}', '2 1|2'],
    ['{{printf "%[3]d|%[x]d|%[1]*d" 1 2}}', '%!d(BADINDEX)|%!d(BADINDEX)|2'],
    ['{{printf "%*d|%-*d|%.*f|%*d" 5 1 5 1 1 2.25 "x" 1}}', '    1|1    |2.2|%!(BADWIDTH)1'],
    ['{{printf "%d %s" "a" 1}}', '%!d(string=a) %!s(int=1)'],
    ['{{printf "%!|%z|%" 1 2}}', '%!!(int=1)|%!z(int=2)|%!(NOVERB)'],
    ['{{printf "%t %v %5t" true false true}}', 'true false  true'],
    ['{{printf "%v %s %d" nil nil nil}}', '<nil> %!s(<nil>) %!d(<nil>)'],
    ['{{printf "%-10v|%5v|%+v" true 1 -2}}', 'true      |    1|-2'],
    ['{{printf "%5%|%%" }}', '%|%'],
    ['{{printf "%d%%" 5}}', '5%'],
    [
      "{{0x_1f}} {{0b101}} {{0o17}} {{017}} {{1_0}} {{'\\n'}} {{'\\x41'}} {{'\\u00e9'}} {{'\\''}} {{1e2}} {{0x1p4}} {{-0}} {{+5}}",
      '31 5 15 15 10 10 65 233 39 100 16 0 5',
    ],
    ['{{""|printf "%d"}}', '%!d(string=)'],
    ['{{9223372036854775807}}', '9223372036854775807'],
    ['{{-9223372036854775808}}', '-9223372036854775808'],
  ])('%s', (template, expected) => {
    expect(execute(template)).toBe(expected)
  })

  it.each<[string, string]>([
    ['{{089}}', 'integer overflow: "089"'],
    ['{{1__0}}', 'illegal number syntax: "1__0"'],
    ["{{'\\400'}}", 'invalid syntax'],
    ['{{"\\ud800"}}', 'invalid syntax'],
    ['{{1.5e400}}', 'illegal number syntax: "1.5e400"'],
    ['{{9223372036854775808}}', '9223372036854775808 overflows int'],
    ['{{18446744073709551616}}', 'integer overflow: "18446744073709551616"'],
    ['{{printf "%d" 18446744073709551615}}', '18446744073709551615 overflows int'],
  ])('%s fails', (template, problem) => {
    expect(() => execute(template)).toThrow(problem)
  })
})

describe('templates in templates', () => {
  it.each<[string, string]>([
    ['{{define "a"}}<{{.}}>{{end}}{{template "a" .}}{{template "a"}}', '<dot><<no value>>'],
    ['{{block "b" "x"}}[{{.}}]{{end}}{{template "b" 1}}', '[x][1]'],
    ['{{define "a"}}{{end}}{{define "a"}}later{{end}}{{template "a"}}', 'later'],
    ['{{define "a"}}{{$x := 2}}{{$x}}{{end}}{{$x := 1}}{{template "a"}}{{$x}}', '21'],
  ])('%s', (template, expected) => {
    expect(execute(template)).toBe(expected)
  })

  it.each<[string, string]>([
    ['{{define "a"}}1{{end}}{{define "a"}}2{{end}}', 'multiple definition of template "a"'],
    ['{{define "a"}}{{$x}}{{end}}{{$x := 1}}', 'undefined variable "$x"'],
    ['a\nb{{define "a"}}\n', 't:3: unexpected EOF'],
    ['a\n{{if\n.x', 't:3: unclosed action started at t:2'],
    [
      '{{define "a"}}{{.x}}{{end}}\n {{template "a" .}}',
      't:1:16: executing "a" at <.x>: can\'t evaluate field x in type string',
    ],
  ])('%j fails', (template, problem) => {
    expect(() => execute(template)).toThrow(problem)
  })
})
