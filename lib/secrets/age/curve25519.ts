import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'

/** Node takes a raw private key only inside of this: PKCS #8 with the name of X25519. */
const PRIVATE = Buffer.from('302e020100300506032b656e04220420', 'hex')

const P = 2n ** 255n - 19n
const D = mod(-121665n * inverse(121666n))

/** A private key and its public half. */
export interface X25519Key {
  readonly secret: KeyObject
  readonly point: Buffer
}

/** The key of 32 secret bytes. */
export function x25519Key(scalar: Uint8Array): X25519Key {
  const secret = createPrivateKey({ key: Buffer.concat([PRIVATE, scalar]), format: 'der', type: 'pkcs8' })
  return { secret, point: createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32) }
}

/** What both sides know. Throws for a point of low order, whose result is zero whatever the secret. */
export function x25519({ secret }: Pick<X25519Key, 'secret'>, point: Uint8Array): Buffer {
  // As a web key: twice as fast as the other form.
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(point).toString('base64url') }, format: 'jwk' })
  return diffieHellman({ privateKey: secret, publicKey })
}

/** The X25519 point of an Ed25519 public key, or null when it is none: what is no point is a typo that nobody could ever open. */
export function montgomeryPoint(ed25519: Uint8Array): Buffer | null {
  const y = mod(littleEndian(ed25519) & (2n ** 255n - 1n))
  // x² = (y² - 1) / (d y² + 1) has a root.
  const square = mod((y * y - 1n) * inverse(mod(D * y * y + 1n)))
  if (square !== 0n && power(square, (P - 1n) / 2n) !== 1n) return null
  let u = mod((1n + y) * inverse(mod(1n - y)))
  return Buffer.from(
    Array.from({ length: 32 }, () => {
      const byte = Number(u & 255n)
      u >>= 8n
      return byte
    }),
  )
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function mod(value: bigint): bigint {
  return ((value % P) + P) % P
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let [square, rest] = [mod(base), exponent]; rest > 0n; rest >>= 1n, square = mod(square * square)) {
    if ((rest & 1n) === 1n) result = mod(result * square)
  }
  return result
}
