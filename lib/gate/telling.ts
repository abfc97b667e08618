import { SHORTEST } from './needles.ts'

/** Under such a key any value is a secret. */
const SECRET_NAME = /pass|pwd|secret|token|api_?-?key|private|credential|auth|signing|salt/i
/** Unless it ends so: it is about the secret then. */
const ABOUT = /(?:name|user|ur[li]|path|file|dir|id|type|ttl|version|expires?|at|host|issuer|method)$/i
/** Values of configurations that stand in many other places, whatever the key. */
const COMMON = new Set(
  (
    'changeme disabled enabled required optional undefined password username development production staging testing localhost database ' +
    'postgres postgresql mongodb rabbitmq elasticsearch kubernetes anonymous administrator developer example.com internal external standard ' +
    'application default123 readonly readwrite warning critical verbose utf8mb4 us-ascii 12345678 00000000 11111111 base64url x86_64-linux ' +
    'text/plain text/html application/json authorization bearer claude-code anthropic'
  ).split(' '),
)

/** Whether a decrypted value is worth looking for in clear: long enough, and no word that stands elsewhere for reasons of its own. */
export function isTelling(value: string, name: string): boolean {
  if (Buffer.byteLength(value) < SHORTEST || COMMON.has(value.toLowerCase()) || /^(.)\1*$/s.test(value)) return false
  if (/^-----(?:BEGIN|END) [A-Z ]+-----$/.test(value)) return false
  return looksRandom(value) || (SECRET_NAME.test(name) && !ABOUT.test(name) && !isAddress(value))
}

/** An address, a path or a date. */
function isAddress(value: string): boolean {
  return /^(?:https?:\/\/[^@?\s]+|~?\.{0,2}\/[\w./-]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\d{4}-\d\d-\d\d[T\d:.Z+-]*)$/.test(value)
}

/** Whether some piece of it is letters and figures, or letters of both kinds, in a way that words are not. */
function looksRandom(value: string): boolean {
  return value.split(/[^A-Za-z0-9]+/).some((piece) => {
    const [digits, lower, upper] = [/\d/, /[a-z]/, /[A-Z]/].map((kind) => kind.test(piece))
    if (piece.length >= 8 && digits === true && (lower === true || upper === true)) return !/^[a-z]+\d{1,4}$|^v?\d+[a-z]?\d*$/.test(piece)
    return piece.length >= 20 && lower === true && upper === true
  })
}

/** How a value may stand in clear in a file: as it is, as JSON or a URL has it, and wherever it falls in what base64 was made of. */
export function spellings(value: string): Buffer[] {
  const texts = [value, JSON.stringify(value).slice(1, -1), urlEncoded(value)]
  const bytes = Buffer.from(value)
  const encoded = [0, 1, 2].flatMap((before) => {
    // Only whole characters: those at the ends also hold bits of what stands before and behind.
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const part = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
    return [part, part.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [...new Set([...texts, ...encoded])].map((text) => Buffer.from(text)).filter(({ length }) => length >= SHORTEST)
}

function urlEncoded(value: string): string {
  try {
    return encodeURIComponent(value)
  } catch {
    return value
  }
}
