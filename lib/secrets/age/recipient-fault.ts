import { bech32Bytes } from './bech32.ts'
import { shortRecipient, SSH } from './short-recipient.ts'
import { sshPublicKey } from './ssh-public.ts'

/** What is wrong with a text that should be a recipient, and what to do. */
export interface RecipientFault {
  readonly message: string
  readonly hint: string
}

const COPY = 'Copy it again, whole.'
const PRIVATE = /^\s*(?:AGE-(?:SECRET-KEY|PLUGIN)-|-----BEGIN [A-Z ]*PRIVATE KEY)/i
/** Nobody sees them, and none belongs into a key; a blank only parts the words of an SSH key. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u
const LENGTHS = { age: 32, age1pq: 1216 } as const
const NATIVE_LENGTH = 62

/** Why a trimmed text is no recipient that can be encrypted to, or null for one that is. A private key is not repeated. */
export function recipientFault(text: string): RecipientFault | null {
  if (PRIVATE.test(text)) {
    return {
      message: 'a private key stands where a recipient (age1…) is expected',
      hint: 'Replace it with its public half, and make a new key: this one may have been seen.',
    }
  }
  const quoted = JSON.stringify(shortRecipient(text))
  const hidden = HIDDEN.exec(text)
  if (hidden !== null) {
    const code = (hidden[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
    return {
      message: `${quoted} has a hidden character, U+${code}, at position ${hidden.index + 1}`,
      hint: 'Delete it, or type the line anew.',
    }
  }
  if (SSH.test(text)) return sshFault(text, quoted)
  const plugin = pluginOf(text)
  if (plugin !== null) {
    return {
      message: `${quoted} is a recipient of the plug-in age-plugin-${plugin}, which is not supported`,
      hint: 'Use an age recipient: `age-keygen` makes one. An SSH key of the type ssh-ed25519 or ssh-rsa will do as well.',
    }
  }
  return nativeFault(text, quoted)
}

function nativeFault(text: string, quoted: string): RecipientFault | null {
  const message = `${quoted} is not an age recipient`
  if (!text.startsWith('age1')) {
    const hint = /^AGE1/i.test(text)
      ? 'Write it in small letters.'
      : 'A recipient starts with age1, ssh-ed25519 or ssh-rsa; `age-keygen` makes one.'
    return { message, hint }
  }
  const prefix = text.startsWith('age1pq1') ? 'age1pq' : 'age'
  const bytes = bech32Bytes(text, prefix)
  if (bytes === null) return { message: `${message}: its check sum does not fit, so a character is wrong or missing`, hint: COPY }
  return bytes.length === LENGTHS[prefix] ? null : { message: `${message}: it has another length than such keys have`, hint: COPY }
}

function sshFault(text: string, quoted: string): RecipientFault | null {
  const key = sshPublicKey(text)
  if (typeof key === 'string')
    return { message: `the SSH key ${quoted} ${key}`, hint: 'Copy the whole line of the file that ends in .pub, or use another key.' }
  if (!text.includes(',')) return null
  return { message: `the SSH key ${quoted} has a comma, which parts recipients`, hint: 'Take it out of the comment.' }
}

/** The name in `age1name1…`. What is as long as a plain recipient is one with a typo. */
function pluginOf(text: string): string | null {
  if (!text.startsWith('age1') || text.startsWith('age1pq1') || text.length === NATIVE_LENGTH) return null
  const name = text.slice(4, Math.max(4, text.lastIndexOf('1')))
  return /^[a-z0-9+._-]+$/.test(name) ? name : null
}
