import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { strictBase64, unpaddedBase64 } from '../base64.ts'
import { montgomeryPoint } from './curve25519.ts'
import { readMpint, readString } from './ssh-wire.ts'

/** An SSH public key that age can encrypt to. */
export type SshPublicKey = {
  /** The key as SSH writes it in binary; age's tags and tweaks are made from it. */
  readonly wire: Buffer
  /** Names it in a stanza. */
  readonly tag: string
} & (
  | { readonly kind: 'ssh-ed25519'; /** On the curve of X25519. */ readonly point: Buffer }
  | { readonly kind: 'ssh-rsa'; readonly rsa: KeyObject }
)

const LEAST_BITS = 2048
const MOST_BITS = 16384

/**
 * The key of a line `ssh-ed25519 AAAA… comment`. When it cannot be used, a text that says why and follows the line in a
 * sentence.
 */
export function sshPublicKey(line: string): SshPublicKey | string {
  const [kind = '', encoded = ''] = line.trim().split(/[ \t]+/)
  const wire = strictBase64(encoded)
  if (wire === null || wire.length === 0) return 'is not whole: its second word is not base64'
  const inner = readString(wire, 0)?.bytes.toString('latin1')
  if (inner === undefined) return 'is not whole: its second word is cut off'
  if (inner !== kind) return `says ${kind} and holds a key of the type ${JSON.stringify(inner.slice(0, 40))}`
  return wireKey(wire)
}

/** The key of its binary form; a text as above when it cannot be used. */
export function wireKey(wire: Buffer): SshPublicKey | string {
  const name = readString(wire, 0)
  const kind = name?.bytes.toString('latin1') ?? ''
  const tag = unpaddedBase64(createHash('sha256').update(wire).digest().subarray(0, 4))
  if (kind === 'ssh-ed25519') {
    const key = readString(wire, name?.end ?? 0)
    if (key?.bytes.length !== 32 || key.end !== wire.length) return 'is not whole: it has another length than such keys have'
    const point = montgomeryPoint(key.bytes)
    return point === null ? 'is not a key: a character of it is wrong' : { kind, wire, tag, point }
  }
  if (kind === 'ssh-rsa') return rsaKey(wire, name?.end ?? 0, tag)
  return `is of the type ${JSON.stringify(kind.slice(0, 40))}, which age cannot use; ssh-ed25519 and ssh-rsa can be`
}

function rsaKey(wire: Buffer, start: number, tag: string): SshPublicKey | string {
  const e = readMpint(wire, start)
  const n = e && readMpint(wire, e.end)
  if (!e || !n || n.end !== wire.length) return 'is not whole: it has another length than its parts say'
  const bits = n.bytes.length * 8 - Math.clz32(n.bytes[0] ?? 0) + 24
  if (bits < LEAST_BITS || bits > MOST_BITS) return `is an RSA key of ${bits} bits; age wants ${LEAST_BITS} or more`
  try {
    const rsa = createPublicKey({ key: { kty: 'RSA', n: n.bytes.toString('base64url'), e: e.bytes.toString('base64url') }, format: 'jwk' })
    return { kind: 'ssh-rsa', wire, tag, rsa }
  } catch {
    return 'is not a key: its parts make no RSA key'
  }
}

/** Names the key as its owner knows it, without a comment. */
export function sshRecipient({ kind, wire }: SshPublicKey): string {
  return `${kind} ${wire.toString('base64')}`
}
