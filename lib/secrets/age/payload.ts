import { hkdfSync } from 'node:crypto'
import { openBox } from './box.ts'
import { NONCE_LENGTH } from './header.ts'

const CHUNK = 64 * 1024
const TAG_LENGTH = 16

/** The plaintext behind a header, or null when a byte of it was changed, or its end is missing. */
export function openPayload(payload: Buffer, fileKey: Uint8Array): Buffer | null {
  const key = Buffer.from(hkdfSync('sha256', fileKey, payload.subarray(0, NONCE_LENGTH), 'payload', 32))
  const plain: Buffer[] = []
  const step = CHUNK + TAG_LENGTH
  for (let at = NONCE_LENGTH, count = 0; ; at += step, count += 1) {
    const last = at + step >= payload.length
    const opened = openBox(key, payload.subarray(at, at + step), nonce(count, last))
    // Only an empty file ends with an empty chunk.
    if (opened === null || (opened.length === 0 && count > 0)) return null
    plain.push(opened)
    if (last) return Buffer.concat(plain)
  }
}

/** A counter of eleven bytes, and whether it is the last chunk. */
function nonce(count: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUIntBE(count, 5, 6)
  bytes[11] = Number(last)
  return bytes
}
