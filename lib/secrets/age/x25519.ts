import { hkdfSync } from 'node:crypto'
import type { Identity } from 'age-encryption'
import { strictBase64Unpadded } from '../base64.ts'
import { openFileKey } from './box.ts'
import { x25519, x25519Key, type X25519Key } from './curve25519.ts'
import { bech32, bech32Bytes } from './bech32.ts'

const LABEL = 'age-encryption.org/v1/X25519'

/** The identity of a text `AGE-SECRET-KEY-1…` and its recipient, or null for a typo. */
export function x25519Identity(text: string): { identity: Identity; recipient: string } | null {
  const scalar = text === text.toUpperCase() ? bech32Bytes(text, 'age-secret-key-') : null
  if (scalar?.length !== 32) return null
  const key = x25519Key(scalar)
  return { identity: { unwrapFileKey: (stanzas) => unwrapX25519(key, stanzas) }, recipient: x25519Recipient(key.point) }
}

/** The recipient `age1…` of a point. */
export function x25519Recipient(point: Uint8Array): string {
  return bech32('age', point)
}

/** The file key of the first X25519 stanza that the key opens, or null. Throws for a stanza that is malformed. */
export function unwrapX25519(key: X25519Key, stanzas: Parameters<Identity['unwrapFileKey']>[0]): Buffer | null {
  for (const { args, body } of stanzas) {
    if (args[0] !== 'X25519') continue
    const share = args.length === 2 ? strictBase64Unpadded(args[1] ?? '') : null
    if (share?.length !== 32) throw new Error('a malformed X25519 stanza')
    const wrapping = hkdfSync('sha256', x25519(key, share), Buffer.concat([share, key.point]), LABEL, 32)
    const fileKey = openFileKey(Buffer.from(wrapping), body)
    if (fileKey !== null) return fileKey
  }
  return null
}
