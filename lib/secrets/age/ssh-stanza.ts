import { constants, hkdfSync, privateDecrypt, publicEncrypt, randomBytes, type KeyObject } from 'node:crypto'
import type { Identity, Recipient } from 'age-encryption'
import { strictBase64Unpadded, unpaddedBase64 } from '../base64.ts'
import { openFileKey, sealBox } from './box.ts'
import { x25519, x25519Key, type X25519Key } from './curve25519.ts'
import type { Stanza } from './header.ts'
import type { SshPublicKey } from './ssh-public.ts'
import { unwrapX25519 } from './x25519.ts'

const ED25519 = 'age-encryption.org/v1/ssh-ed25519'
const RSA = 'age-encryption.org/v1/ssh-rsa'
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from(RSA) }

/** The private half of an SSH key: RSA's own, or the X25519 key that an Ed25519 seed stands for. */
export type SshPrivateKey =
  | { readonly kind: 'ssh-rsa'; readonly rsa: KeyObject; readonly open: SshPublicKey }
  | { readonly kind: 'ssh-ed25519'; readonly key: X25519Key; readonly open: SshPublicKey }

/** Encrypts to an SSH key. */
export function sshRecipientOf(key: SshPublicKey): Recipient {
  return {
    wrapFileKey(fileKey) {
      if (key.kind === 'ssh-rsa') return [stanza([key.kind, key.tag], publicEncrypt({ key: key.rsa, ...OAEP }, fileKey))]
      const once = x25519Key(randomBytes(32))
      const wrapping = ed25519Wrapping(key, x25519(once, key.point), once.point, key.point)
      return [stanza([key.kind, key.tag, unpaddedBase64(once.point)], sealBox(wrapping, fileKey))]
    },
  }
}

/** Opens what was encrypted to an SSH key; an Ed25519 one also opens what was encrypted to the age recipient that `ssh-to-age` makes of it. */
export function sshIdentityOf(key: SshPrivateKey): Identity {
  return {
    unwrapFileKey(stanzas) {
      for (const { args, body } of stanzas.filter((each) => isFor(key.open, each))) {
        const fileKey = key.kind === 'ssh-rsa' ? unwrapRsa(key.rsa, args, body) : unwrapEd25519(key, args, body)
        if (fileKey !== null) return fileKey
      }
      return key.kind === 'ssh-rsa' ? null : unwrapX25519(key.key, stanzas)
    },
  }
}

/** Whether a stanza names the key. Its name is short, so another key may have the same. */
export function isFor({ kind, tag }: SshPublicKey, { args }: Stanza): boolean {
  return args[0] === kind && args[1] === tag
}

function unwrapRsa(rsa: KeyObject, args: readonly string[], body: Uint8Array): Uint8Array | null {
  if (args.length !== 2) throw new Error('a malformed ssh-rsa stanza')
  try {
    return privateDecrypt({ key: rsa, ...OAEP }, body)
  } catch {
    return null
  }
}

function unwrapEd25519(
  { key, open }: Extract<SshPrivateKey, { kind: 'ssh-ed25519' }>,
  args: readonly string[],
  body: Uint8Array,
): Uint8Array | null {
  const share = args.length === 3 ? strictBase64Unpadded(args[2] ?? '') : null
  if (share?.length !== 32) throw new Error('a malformed ssh-ed25519 stanza')
  return openFileKey(ed25519Wrapping(open, x25519(key, share), share, key.point), body)
}

/** The tweak binds the key of the file to the SSH key, which is a point on another curve. */
function ed25519Wrapping({ wire }: SshPublicKey, shared: Buffer, share: Buffer, point: Buffer): Buffer {
  const tweak = x25519Key(Buffer.from(hkdfSync('sha256', Buffer.alloc(0), wire, ED25519, 32)))
  return Buffer.from(hkdfSync('sha256', x25519(tweak, shared), Buffer.concat([share, point]), ED25519, 32))
}

function stanza(args: string[], body: Buffer): Stanza {
  return { args, body }
}
