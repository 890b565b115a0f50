import { TransloadError } from '@transload/contract'

import { goBool, goInt, goString, int64Type, stringType, type GoMethod, type GoType, type GoValue } from './value.ts'

const monthNames = Array.from({ length: 12 }, (_, month) => enUs({ month: 'long' }, Date.UTC(2024, month)))
const dayNames = Array.from({ length: 7 }, (_, day) => enUs({ weekday: 'long' }, Date.UTC(2024, 0, 7 + day)))

const monthType = namedNumbers('time.Month', (month) => monthNames[month - 1] ?? `%!Month(${month})`)
const weekdayType = namedNumbers('time.Weekday', (day) => dayNames[day] ?? `%!Weekday(${day})`)

/** Methods that return several values, or take another time, are not there. */
export const timeType: GoType = {
  name: 'time.Time',
  kind: 'struct',
  fields: [],
  methods: new Map<string, GoMethod>([
    ['Day', number((time) => localDate(time).getUTCDate())],
    ['Format', { parameters: [stringType], call: (time, [layout]) => goString(format(timeOf(time), textOf(layout))) }],
    ['Hour', number((time) => localDate(time).getUTCHours())],
    ['IsZero', { parameters: [], call: (time) => goBool(timeOf(time).seconds === zeroSeconds) }],
    ['Minute', number((time) => localDate(time).getUTCMinutes())],
    ['Month', number((time) => localDate(time).getUTCMonth() + 1, monthType)],
    ['Nanosecond', number(({ nanoseconds }) => nanoseconds)],
    ['Second', number((time) => localDate(time).getUTCSeconds())],
    ['String', { parameters: [], call: (time) => goString(timeText(time)) }],
    ['UTC', { parameters: [], call: (time) => timeValue({ ...timeOf(time), offsetSeconds: 0 }) }],
    ['Unix', number(({ seconds }) => seconds, int64Type)],
    ['UnixMicro', number((time) => fractions(time, 1_000_000), int64Type)],
    ['UnixMilli', number((time) => fractions(time, 1000), int64Type)],
    ['UnixNano', number((time) => fractions(time, 1_000_000_000), int64Type)],
    ['Weekday', number((time) => localDate(time).getUTCDay(), weekdayType)],
    ['Year', number((time) => localDate(time).getUTCFullYear())],
    ['YearDay', number(yearDay)],
  ]),
  toText: timeText,
  toGoText: goText,
  toJson: (value) => format(timeOf(value), '2006-01-02T15:04:05.999999999Z07:00'),
}

/** Of RFC 3339. Throws MANIFEST_INVALID for anything else. */
export function goTime(text: string): GoValue {
  const [, seconds, fraction = '', sign, hours, minutes] =
    /^(.{19})(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/.exec(text) ?? []
  const local = Date.parse(`${seconds}Z`) / 1000
  if (Number.isNaN(local)) throw new TransloadError('MANIFEST_INVALID', `${text} is not a time`)
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === '-' ? -60 : 60)
  return timeValue({ seconds: local - offset, nanoseconds: Number(fraction.padEnd(9, '0')), offsetSeconds: offset })
}

interface Time {
  /** Since 1970, in UTC. */
  readonly seconds: number
  readonly nanoseconds: number
  /** Of the time zone, to the east. */
  readonly offsetSeconds: number
}

const zeroSeconds = Date.parse('0001-01-01T00:00:00Z') / 1000

function timeValue({ seconds, nanoseconds, offsetSeconds }: Time): GoValue {
  return { kind: 'struct', type: timeType, members: [seconds, nanoseconds, offsetSeconds].map((part) => goInt(part)) }
}

function timeOf(value: GoValue): Time {
  const parts = value.kind === 'struct' ? value.members : []
  const [seconds = zeroSeconds, nanoseconds = 0, offsetSeconds = 0] = parts.map((part) =>
    part.kind === 'int' ? Number(part.value) : 0,
  )
  return { seconds, nanoseconds, offsetSeconds }
}

/** Whose UTC is the time's own. */
function localDate({ seconds, offsetSeconds }: Time): Date {
  return new Date((seconds + offsetSeconds) * 1000)
}

function fractions({ seconds, nanoseconds }: Time, perSecond: number): bigint {
  return BigInt(seconds) * BigInt(perSecond) + BigInt(Math.floor((nanoseconds * perSecond) / 1e9))
}

function yearDay(time: Time): number {
  const date = localDate(time)
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0)) / 86_400_000) + 1
}

function timeText(value: GoValue): string {
  return format(timeOf(value), '2006-01-02 15:04:05.999999999 -0700 MST')
}

function goText(value: GoValue): string {
  const time = timeOf(value)
  const date = localDate(time)
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), time.nanoseconds].join(', ')
  const zone = time.offsetSeconds === 0 ? 'time.UTC' : 'time.Location("")'
  return `time.Date(${date.getUTCFullYear()}, time.${format(time, 'January, 2')}, ${clock}, ${zone})`
}

const layoutParts =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|002|0[1-6]|15|[1-5]|PM|pm|[-Z]07(?::?00(?::?00)?)?|[.,](?:0+|9+)(?!\d)/g

/** By a Go layout: how 2006-01-02 15:04:05 MST would be written. */
function format(time: Time, layout: string): string {
  return layout.replace(layoutParts, (part) => layoutPart(time, part))
}

function layoutPart(time: Time, part: string): string {
  const date = localDate(time)
  const hour = date.getUTCHours()
  const halfDayHour = hour % 12 === 0 ? 12 : hour % 12
  const month = monthNames[date.getUTCMonth()]!
  const weekday = dayNames[date.getUTCDay()]!
  const day = String(date.getUTCDate())
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  switch (part) {
    case '2006':
      return year
    case '06':
      return year.slice(-2)
    case 'January':
      return month
    case 'Jan':
      return month.slice(0, 3)
    case 'Monday':
      return weekday
    case 'Mon':
      return weekday.slice(0, 3)
    case '01':
      return twoDigits(date.getUTCMonth() + 1)
    case '1':
      return String(date.getUTCMonth() + 1)
    case '02':
      return day.padStart(2, '0')
    case '_2':
      return day.padStart(2)
    case '2':
      return day
    case '002':
      return String(yearDay(time)).padStart(3, '0')
    case '__2':
      return String(yearDay(time)).padStart(3)
    case '15':
      return twoDigits(hour)
    case '03':
      return twoDigits(halfDayHour)
    case '3':
      return String(halfDayHour)
    case '04':
      return twoDigits(date.getUTCMinutes())
    case '4':
      return String(date.getUTCMinutes())
    case '05':
      return twoDigits(date.getUTCSeconds())
    case '5':
      return String(date.getUTCSeconds())
    case 'PM':
      return hour < 12 ? 'AM' : 'PM'
    case 'pm':
      return hour < 12 ? 'am' : 'pm'
    case 'MST':
      return time.offsetSeconds === 0 ? 'UTC' : zoneText(time, '-0700')
    default:
      return /[.,]/.test(part) ? fractionText(time, part) : zoneText(time, part)
  }
}

function fractionText({ nanoseconds }: Time, part: string): string {
  const digits = String(nanoseconds)
    .padStart(9, '0')
    .slice(0, part.length - 1)
  if (part[1] === '0') return part[0] + digits.padEnd(part.length - 1, '0')
  const kept = digits.replace(/0+$/, '')
  return kept === '' ? '' : part[0] + kept
}

/** `part`: `-0700`, or with a `Z` that stands for UTC. */
function zoneText({ offsetSeconds }: Time, part: string): string {
  if (part.startsWith('Z') && offsetSeconds === 0) return 'Z'
  const minutes = Math.trunc(Math.abs(offsetSeconds) / 60)
  const colon = part.includes(':') ? ':' : ''
  const parts = [Math.trunc(minutes / 60), minutes % 60, Math.abs(offsetSeconds) % 60].map(twoDigits)
  const count = part.replaceAll(/\D/g, '').length / 2
  return (offsetSeconds < 0 ? '-' : '+') + parts.slice(0, count).join(colon)
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

function number(read: (time: Time) => number | bigint, type?: GoType): GoMethod {
  return { parameters: [], call: (time) => goInt(read(timeOf(time)), type) }
}

function namedNumbers(name: string, nameOf: (value: number) => string): GoType {
  const toText = (value: GoValue): string => (value.kind === 'int' ? nameOf(Number(value.value)) : '')
  const methods = new Map<string, GoMethod>([['String', { parameters: [], call: (value) => goString(toText(value)) }]])
  return { name, kind: 'int', methods, toText }
}

function textOf(value: GoValue | undefined): string {
  return value?.kind === 'string' ? value.value : ''
}

function enUs(part: Intl.DateTimeFormatOptions, time: number): string {
  return new Intl.DateTimeFormat('en-US', { ...part, timeZone: 'UTC' }).format(time)
}
