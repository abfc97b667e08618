import type { Identity } from 'age-encryption'
import { fault } from './fault.ts'
import { Secret } from './secret.ts'

/** A public key that files are encrypted to: `age1…`, checked. */
export type Recipient = string & { readonly __brand: 'Recipient' }

/** A private key that opens files, and where it came from; or a place where there was none to be had. */
export interface AgeIdentity {
  /** Its public half, or another name where it has none; for messages. */
  readonly name: string
  /** Where it was found, as a person would say it: `SOPS_AGE_KEY_FILE (/home/me/key.txt)`. */
  readonly origin: string
  /** The text `AGE-SECRET-KEY-…`, an identity of age's own interface, or null for a kind that cannot be used here. */
  readonly key: Secret | Identity | null
  /** What is wrong where a key should be: a sentence that names the place, and never shows anything of the key. */
  readonly fault?: string
}

const NATIVE_KEY = /^AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]+$/
const PLUGIN_KEY = /^AGE-PLUGIN-[A-Z0-9+._-]+$/
const NATIVE_RECIPIENT = /^age1(?:pq1)?[a-z0-9]+$/

/**
 * The identities in the text of an identity file: one a line, `#` comments, empty lines. With `separator: 'space'` any
 * white space parts them, as in `SOPS_AGE_KEY`. Throws `environment` for a line that is no identity; it names the line, never its text.
 */
export async function parseIdentities(text: string, origin: string, separator: 'line' | 'space' = 'line'): Promise<AgeIdentity[]> {
  if (/^(?:age-encryption|-----BEGIN AGE)/.test(text)) {
    throw fault('identity', `${origin} is protected by a passphrase, which is not asked for here`, {
      hint: 'Give an identity without one, for example with `age --decrypt` in SOPS_AGE_KEY_CMD.',
    })
  }
  const identities: AgeIdentity[] = []
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    if (whole === '' || whole.startsWith('#')) continue
    const keys = separator === 'space' ? whole.split(/\s+/).filter((key) => key !== '') : [whole]
    for (const key of keys) identities.push(await identity(key, origin, index + 1))
  }
  return identities
}

async function identity(key: string, origin: string, line: number): Promise<AgeIdentity> {
  if (PLUGIN_KEY.test(key)) return lacking(origin, `${origin} holds an identity of a plug-in, which is not supported`)
  const { identityToRecipient } = await import('age-encryption')
  try {
    if (!NATIVE_KEY.test(key)) throw new Error('unknown prefix')
    return { name: await identityToRecipient(key), origin, key: new Secret(key) }
  } catch {
    // The library's own message may quote the key, so it is not kept as a cause.
    throw fault('identity', `line ${line} of ${origin} is not an age identity`, {
      hint: 'An identity is a line that starts with AGE-SECRET-KEY-1; `age-keygen` makes one.',
    })
  }
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
  const trimmed = text.trim()
  if (/^AGE-(?:SECRET-KEY|PLUGIN)-/i.test(trimmed)) {
    throw fault('recipient', 'a private key stands where a recipient (age1…) is expected', {
      hint: 'Replace it with its public half, and make a new key: this one may have been seen.',
    })
  }
  const quoted = JSON.stringify(trimmed)
  if (trimmed.startsWith('ssh-') || /^age1[a-z0-9+._-]+1/.test(trimmed.replace(/^age1pq1/, ''))) {
    throw fault('recipient', `${quoted} is an SSH or plug-in recipient, which is not supported`, {
      hint: 'Use an age recipient: `age-keygen` makes one.',
    })
  }
  const { Encrypter } = await import('age-encryption')
  try {
    if (!NATIVE_RECIPIENT.test(trimmed)) throw new Error('unknown prefix')
    new Encrypter().addRecipient(trimmed)
    return trimmed as Recipient
  } catch (error) {
    throw fault('recipient', `${quoted} is not an age recipient`, {
      hint: 'It starts with age1 and has a check sum: copy it again, whole.',
      cause: error,
    })
  }
}

/** The bytes encrypted to one recipient, as an armored age file. */
export async function wrap(bytes: Uint8Array, to: Recipient): Promise<string> {
  const { Encrypter, armor } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.addRecipient(to)
  return armor.encode(await encrypter.encrypt(bytes))
}

/** What an armored age file holds, or null when none of the identities opens it or it is no such file. */
export async function unwrap(armored: string, identities: readonly AgeIdentity[]): Promise<Uint8Array | null> {
  const { armor } = await import('age-encryption')
  let file: Uint8Array
  try {
    file = armor.decode(armored)
  } catch {
    return null
  }
  for (const { key } of identities) {
    const opened = key === null ? null : await tryOpen(file, key)
    if (opened !== null) return opened
  }
  return null
}

/** One identity at a time: the library gives up at the first that throws, and one broken key must not hide the others. */
async function tryOpen(file: Uint8Array, key: Secret | Identity): Promise<Uint8Array | null> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  try {
    if (key instanceof Secret) decrypter.addIdentity(key.text())
    else decrypter.addIdentity(key)
    return await decrypter.decrypt(file)
  } catch {
    return null
  }
}
