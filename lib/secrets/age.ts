import type { Identity } from 'age-encryption'
import { fromArmor } from './age/armor.ts'
import { bech32Bytes } from './age/bech32.ts'
import type { Stanza } from './age/header.ts'
import { openAge, type PrivateKey } from './age/open.ts'
import { x25519Identity } from './age/x25519.ts'
import { fault } from './fault.ts'
import { Secret } from './secret.ts'

/** A public key that files are encrypted to: `age1…`, `age1pq1…`, or the whole line of an SSH key; checked. */
export type Recipient = string & { readonly __brand: 'Recipient' }

/** A private key that opens files, and where it came from; or a place where there was none to be had. */
export interface AgeIdentity {
  /** Its recipient, an SSH key's without a comment, or another name where it has none; for messages. */
  readonly name: string
  /** The age recipient that stands for an SSH key, for those who have made one of it with `ssh-to-age`. */
  readonly also?: string
  /** Where it was found, as a person would say it: `SOPS_AGE_KEY_FILE (/home/me/key.txt)`. */
  readonly origin: string
  /** The key, where it can be had, or null for a place without one. */
  readonly key: PrivateKey | KeySource | null
  /** What is wrong where a key should be: a sentence that names the place, and never shows anything of the key. */
  readonly fault?: string
}

/** What it takes to get at a key, the least first: it is at hand, a file is read, a command is run, a person is asked. */
export const EFFORTS = ['none', 'file', 'command', 'person'] as const

/** Keys that are fetched when no key at hand opens a file. */
export interface KeySource {
  readonly effort: Exclude<(typeof EFFORTS)[number], 'none'>
  /**
   * The identities for one entry of a file. Never throws: what went wrong is the `fault` of one without a key. Asked again it
   * gives the same ones, without reading, running or asking again.
   */
  readonly fetch: (entry: { readonly recipient: string; readonly stanzas: readonly Stanza[] }) => Promise<readonly AgeIdentity[]>
}

const PLUGIN_KEY = /^AGE-PLUGIN-[A-Z0-9+._-]+$/

/**
 * The identities in the text of an identity file: one a line, `#` comments, empty lines. With `separator: 'space'` any
 * white space parts them, as in `SOPS_AGE_KEY`. Throws `environment` for a line that is no identity; it names the line, never its text.
 */
export async function parseIdentities(text: string, origin: string, separator: 'line' | 'space' = 'line'): Promise<AgeIdentity[]> {
  const identities: AgeIdentity[] = []
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    if (whole === '' || whole.startsWith('#')) continue
    const keys = separator === 'space' ? whole.split(/\s+/).filter((key) => key !== '') : [whole]
    for (const key of keys) identities.push(await identity(key, origin, index + 1))
  }
  return identities
}

async function identity(key: string, origin: string, line: number): Promise<AgeIdentity> {
  if (PLUGIN_KEY.test(key)) return lacking(origin, `line ${line} of ${origin} is an identity of a plug-in, which is not supported`)
  const plain = x25519Identity(key)
  if (plain !== null) return { name: plain.recipient, origin, key: plain.identity }
  if (key.startsWith('AGE-SECRET-KEY-PQ-1') && bech32Bytes(key, 'age-secret-key-pq-')?.length === 32) {
    const { identityToRecipient } = await import('age-encryption')
    return { name: await identityToRecipient(key), origin, key: new Secret(key) }
  }
  throw fault('identity', `line ${line} of ${origin} is not an age identity`, {
    hint: 'An identity is a line that starts with AGE-SECRET-KEY-1; `age-keygen` makes one.',
  })
}

/** A place that holds no identity; with a `fault`, one that cannot be used. */
export function lacking(origin: string, fault?: string): AgeIdentity {
  return { name: '', origin, key: null, ...(fault !== undefined && { fault }) }
}

/** An identity of age's own interface (a hardware key, an agent) under a name for messages. */
export function customIdentity(name: string, origin: string, key: Identity): AgeIdentity {
  return { name, origin, key }
}

/** A new X25519 identity: its private text, and its recipient. */
export async function newIdentity(): Promise<{ identity: Secret; recipient: Recipient }> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const text = await generateX25519Identity()
  return { identity: new Secret(text), recipient: (await identityToRecipient(text)) as Recipient }
}

/** The text as a recipient, checked to its last character. Throws `config` for a typo or a kind that is not supported. */
export async function recipient(text: string): Promise<Recipient> {
  const { recipientFault } = await import('./age/recipient-fault.ts')
  const trimmed = text.trim()
  const wrong = recipientFault(trimmed)
  if (wrong !== null) throw fault('recipient', wrong.message, { hint: wrong.hint })
  return trimmed as Recipient
}

/** The bytes encrypted to one recipient, as an armored age file. */
export async function wrap(bytes: Uint8Array, to: Recipient): Promise<string> {
  const { Encrypter, armor } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.addRecipient(to.startsWith('ssh-') ? await sshRecipient(to) : to)
  return armor.encode(await encrypter.encrypt(bytes))
}

async function sshRecipient(line: string): Promise<Parameters<InstanceType<typeof import('age-encryption').Encrypter>['addRecipient']>[0]> {
  const { sshPublicKey } = await import('./age/ssh-public.ts')
  const key = sshPublicKey(line)
  if (typeof key === 'string') throw fault('recipient', `the SSH key ${key}`)
  const { sshRecipientOf } = await import('./age/ssh-stanza.ts')
  return sshRecipientOf(key)
}

/** Whether a key is at hand, or has to be fetched. */
export function isSource(key: AgeIdentity['key']): key is KeySource {
  return key !== null && 'fetch' in key
}

/** What an armored age file holds, or null when none of the keys at hand opens it or it is no such file. */
export async function unwrap(armored: string, identities: readonly AgeIdentity[]): Promise<Buffer | null> {
  const file = fromArmor(armored)
  for (const { key } of file === null ? [] : identities) {
    // One at a time: a broken key must not hide the others.
    const opening = key === null || isSource(key) ? null : await openAge(file as Buffer, key)
    if (opening?.kind === 'opened') return opening.plaintext
  }
  return null
}
