import type { Time } from './document.ts'

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/
const YAML_DATE = /^(\d{4})-(\d\d?)-(\d\d?)$/
const YAML_TIME = /^(\d{4})-(\d\d?)-(\d\d?)(?: |[Tt](?=.*(?:Z|[+-]\d\d:\d\d)$))(\d\d?):(\d\d?):(\d\d?)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)?$/

/** RFC 3339 text as a time, or null. */
export function rfc3339(text: string): Time | null {
  return timeOf(RFC3339.exec(text))
}

/** The time that an unquoted YAML scalar means, or null when it is none. */
export function yamlTime(text: string): Time | null {
  const match = YAML_TIME.exec(text)
  // A blank between date and time goes with no zone, a T with one.
  if (match !== null && (text.includes(' ') ? match[8] !== undefined : match[8] === undefined)) return null
  return timeOf(match ?? YAML_DATE.exec(text))
}

/** The time, and whether it was spelled in fewer words. */
export function withTimeSpelling(time: Time, text: string): Time {
  if (time.text === `${text}T00:00:00Z`) return { ...time, spelled: 'date' }
  return time.text === `${text.replace(' ', 'T')}Z` ? { ...time, spelled: 'blank' } : time
}

/** A time as its author spelled it. */
export function timeSpelling({ text, spelled }: Time): string {
  if (spelled === undefined) return text
  return spelled === 'date' ? text.slice(0, 10) : text.replace('T', ' ').replace('Z', '')
}

/** A time as it is encrypted. A fraction of zeros says nothing to SOPS; to us it says how the time was spelled. */
export function timeToEncrypt({ text, spelled }: Time): string {
  return spelled === undefined ? text : text.replace('Z', spelled === 'date' ? '.0Z' : '.00Z')
}

/** A decrypted time, or null. */
export function timeFromText(text: string): Time | null {
  const time = rfc3339(text)
  const zeros = time === null ? '' : (/\.(0+)Z$/.exec(text)?.[1] ?? '')
  if (time === null || zeros === '' || zeros.length > 2) return time
  return { ...time, spelled: zeros.length === 1 ? 'date' : 'blank' }
}

/** The time in whole seconds, as SOPS binds `lastmodified` to the MAC. */
export function wholeSeconds(time: Time): string {
  return time.text.replace(/\.\d+/, '')
}

/** A date in UTC and whole seconds, as SOPS writes `lastmodified`. */
export function stamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}

function timeOf(match: RegExpExecArray | null): Time | null {
  if (match === null) return null
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  if (!isDay(Number(year), Number(month), Number(day)) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  if (zone !== 'Z' && (Number(zone.slice(1, 3)) > 24 || Number(zone.slice(4)) > 59)) return null
  const two = (digits: string): string => digits.padStart(2, '0')
  const part = fraction.slice(0, 9).replace(/0+$/, '')
  const offset = /^[+-]00:00$/.test(zone) ? 'Z' : zone
  const clock = `${two(hour)}:${two(minute)}:${two(second)}${part === '' ? '' : `.${part}`}`
  return { kind: 'time', text: `${year}-${two(month)}-${two(day)}T${clock}${offset}` }
}

function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= ([31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0)
}
