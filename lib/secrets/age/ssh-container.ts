import { createDecipheriv, createPrivateKey, type KeyObject } from 'node:crypto'
import { readMpint, readNumber, readString } from './ssh-wire.ts'

/** OpenSSH's own file of a private key, not yet decrypted. */
export interface SshContainer {
  readonly publicKey: Buffer
  readonly locked: boolean
  readonly cipher: string
  readonly salt: Buffer
  readonly rounds: number
  readonly sealed: Buffer
}

/** The numbers that a private key is made of. */
export type PrivateParts = { readonly kind: 'ssh-rsa'; readonly rsa: KeyObject } | { readonly kind: 'ssh-ed25519'; readonly seed: Buffer }

/** What is used of the package. It fills `key`, and returns 0 when it could. */
interface Bcrypt {
  readonly pbkdf: (
    pass: Buffer,
    passLength: number,
    salt: Buffer,
    saltLength: number,
    key: Buffer,
    keyLength: number,
    rounds: number,
  ) => number
}

const MAGIC = 'openssh-key-v1\0'
const PEM = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/m
const CIPHER = /^aes(128|192|256)-(?:ctr|cbc)$/
/** Some minutes; `ssh-keygen` writes 24 unless it is told otherwise. */
const MOST_ROUNDS = 4096
const BROKEN = 'is broken'

/** The container, null when the text is none, or what is wrong with it. */
export function readSshContainer(text: string): SshContainer | string | null {
  const [, body] = PEM.exec(text) ?? []
  if (body === undefined) return null
  const wire = Buffer.from(body, 'base64')
  if (wire.toString('latin1', 0, MAGIC.length) !== MAGIC) return BROKEN
  const cipher = readString(wire, MAGIC.length)
  const kdf = cipher && readString(wire, cipher.end)
  const options = kdf && readString(wire, kdf.end)
  const count = options && readNumber(wire, options.end)
  const publicKey = options && readString(wire, options.end + 4)
  const sealed = publicKey && readString(wire, publicKey.end)
  if (!cipher || !kdf || !sealed || count !== 1) return BROKEN
  const name = cipher.bytes.toString('latin1')
  const locked = name !== 'none'
  if (locked && !(CIPHER.test(name) && kdf.bytes.toString('latin1') === 'bcrypt'))
    return `is protected with ${JSON.stringify(name.slice(0, 40))}, which is not supported; \`ssh-keygen -p\` writes it anew`
  const salt = readString(options.bytes, 0)
  const rounds = salt === null ? 0 : (readNumber(options.bytes, salt.end) ?? 0)
  if (locked && (salt === null || rounds < 1 || rounds > MOST_ROUNDS)) return BROKEN
  return { publicKey: publicKey.bytes, locked, cipher: name, salt: salt?.bytes ?? Buffer.alloc(0), rounds, sealed: sealed.bytes }
}

/** What the container holds, or null when the passphrase is wrong or it is broken. */
export async function readPrivateParts(container: SshContainer, passphrase: Buffer | null): Promise<PrivateParts | null> {
  const wire = container.locked ? await decrypted(container, passphrase ?? Buffer.alloc(0)) : container.sealed
  // The same random number twice: it tells whether it was decrypted with the right key.
  if (wire === null || wire.length < 8 || wire.readUInt32BE(0) !== wire.readUInt32BE(4)) return null
  const kind = readString(wire, 8)
  if (kind?.bytes.toString('latin1') === 'ssh-ed25519') {
    const secret = after(wire, kind.end, 1)
    return secret?.length === 64 ? { kind: 'ssh-ed25519', seed: secret.subarray(0, 32) } : null
  }
  return kind?.bytes.toString('latin1') === 'ssh-rsa' ? rsaParts(wire, kind.end) : null
}

/** The string behind some others. */
function after(wire: Buffer, start: number, skip: number): Buffer | null {
  let part = readString(wire, start)
  for (let left = skip; left > 0 && part !== null; left -= 1) part = readString(wire, part.end)
  return part?.bytes ?? null
}

function rsaParts(wire: Buffer, start: number): PrivateParts | null {
  const numbers: Buffer[] = []
  for (let at = start; numbers.length < 6;) {
    const part = readMpint(wire, at)
    if (part === null) return null
    numbers.push(part.bytes)
    at = part.end
  }
  const [n, e, d, qi, p, q] = numbers as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]
  const [dp, dq] = [remainder(d, p), remainder(d, q)]
  const names = { n, e, d, p, q, dp, dq, qi }
  const jwk = Object.fromEntries(Object.entries(names).map(([name, bytes]) => [name, bytes.toString('base64url')]))
  try {
    return { kind: 'ssh-rsa', rsa: createPrivateKey({ key: { kty: 'RSA', ...jwk }, format: 'jwk' }) }
  } catch {
    return null
  }
}

/** The exponent for one of the primes, which the format leaves out. */
function remainder(exponent: Buffer, prime: Buffer): Buffer {
  const [d, p] = [exponent, prime].map((bytes) => BigInt(`0x${bytes.toString('hex')}`)) as [bigint, bigint]
  const hex = (d % (p - 1n)).toString(16)
  return Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex')
}

async function decrypted({ cipher, salt, rounds, sealed }: SshContainer, passphrase: Buffer): Promise<Buffer | null> {
  // @ts-expect-error -- the package comes without types
  const { pbkdf } = ((await import('bcrypt-pbkdf')) as { default: Bcrypt }).default
  const length = Number(CIPHER.exec(cipher)?.[1]) / 8
  const key = Buffer.alloc(length + 16)
  if (pbkdf(passphrase, passphrase.length, salt, salt.length, key, key.length, rounds) !== 0) return null
  const name = cipher.replace('aes', 'aes-')
  try {
    const decipher = createDecipheriv(name, key.subarray(0, length), key.subarray(length)).setAutoPadding(false)
    return Buffer.concat([decipher.update(sealed), decipher.final()])
  } catch {
    return null
  }
}
