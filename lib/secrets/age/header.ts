import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Identity } from 'age-encryption'
import { strictBase64Unpadded } from '../base64.ts'

/** What one recipient needs to find the file key: its kind and arguments, and the wrapped key. */
export type Stanza = Parameters<Identity['unwrapFileKey']>[0][number]

/** The parts of an age file. */
export interface AgeFile {
  readonly stanzas: Stanza[]
  /** What the MAC is over. */
  readonly header: Buffer
  readonly mac: Buffer
  readonly payload: Buffer
}

const VERSION = 'age-encryption.org/v1'
const COLUMNS = 64
const MAC_LENGTH = 32
/** How long the start of a payload is, which is no part of its text. */
export const NONCE_LENGTH = 16
/** Printable ASCII, which is all that a header may hold. */
const ARGUMENT = /^[!-~]+$/

/** Takes an age file apart, or gives null when its header is not exactly as the format wants it. */
export function parseAgeFile(bytes: Buffer): AgeFile | null {
  let at = 0
  const line = (): string | null => {
    const end = bytes.indexOf(0x0a, at)
    if (end === -1) return null
    const text = bytes.toString('latin1', at, end)
    at = end + 1
    return text
  }
  if (line() !== VERSION) return null
  const stanzas: Stanza[] = []
  for (;;) {
    const start = at
    const first = line()
    if (first === null) return null
    if (first.startsWith('--- ')) {
      const mac = strictBase64Unpadded(first.slice(4))
      if (mac?.length !== MAC_LENGTH || stanzas.length === 0 || bytes.length - at < NONCE_LENGTH) return null
      return { stanzas, header: bytes.subarray(0, start + 3), mac, payload: bytes.subarray(at) }
    }
    const stanza = readStanza(first, line)
    if (stanza === null) return null
    stanzas.push(stanza)
  }
}

function readStanza(first: string, line: () => string | null): Stanza | null {
  const [arrow, ...args] = first.split(' ')
  if (arrow !== '->' || args.length === 0 || !args.every((argument) => ARGUMENT.test(argument))) return null
  const body: Buffer[] = []
  for (;;) {
    const text = line()
    const part = text === null || text.length > COLUMNS ? null : strictBase64Unpadded(text)
    if (text === null || part === null) return null
    body.push(part)
    // A short line, if need be an empty one, is the last.
    if (text.length < COLUMNS) return { args, body: Buffer.concat(body) }
  }
}

/** Whether the header is the one that whoever knew the file key wrote. */
export function headerMatches({ header, mac }: AgeFile, fileKey: Uint8Array): boolean {
  const key = Buffer.from(hkdfSync('sha256', fileKey, Buffer.alloc(0), 'header', 32))
  return timingSafeEqual(createHmac('sha256', key).update(header).digest(), mac)
}
