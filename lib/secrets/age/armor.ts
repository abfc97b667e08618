import { strictBase64 } from '../base64.ts'

const HEAD = '-----BEGIN AGE ENCRYPTED FILE-----'
const FOOT = '-----END AGE ENCRYPTED FILE-----'
const COLUMNS = 64

/** Whether the bytes start like an age file, armored or not. */
export function isAgeFile(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 14)).toString('latin1')
  return start === 'age-encryption' || start === '-----BEGIN AGE'
}

/** The bytes of an armored age file; white space around it and CRLF do not count. Null when it is none, or broken. */
export function fromArmor(text: string): Buffer | null {
  const lines = text.trim().replaceAll('\r\n', '\n').split('\n')
  if (lines.length < 2 || lines.shift() !== HEAD || lines.pop() !== FOOT) return null
  const full = lines.slice(0, -1)
  const last = lines.at(-1) ?? ''
  if (full.some((line) => line.length !== COLUMNS) || last.length > COLUMNS || (lines.length > 0 && last === '')) return null
  return strictBase64(lines.join(''))
}
