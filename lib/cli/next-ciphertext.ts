import { GitopsError } from '../model/errors.ts'
import type { AgeIdentity } from '../secrets/age.ts'
import { atHand, isNamed } from '../secrets/at-hand.ts'
import { fault, faultKind } from '../secrets/fault.ts'
import { inspectSops, type SopsInfo } from '../secrets/sops/decrypt.ts'
import { encryptSops, type EncryptOptions } from '../secrets/sops/encrypt.ts'
import { openSops } from '../secrets/sops/open.ts'
import { reencryptSops, type Reencrypted } from '../secrets/sops/reencrypt.ts'
import { keyGroups, type Recipients } from '../secrets/sops/wrap-key.ts'

/** A ciphertext that is to be written. */
export interface NextCiphertext {
  readonly bytes: Buffer
  /** False when it is the old one, byte for byte. */
  readonly changed: boolean
  /** What a person should know, a sentence each. */
  readonly notes: readonly string[]
}

/**
 * The plaintext encrypted over what is at its target, which is null when there is nothing. An old file that one of the
 * identities opens lends its data key and every value that is the same; any other one is replaced, unless it has keys of
 * kinds that would be lost, or looks encrypted and is damaged. Throws as `encryptSops` does, and `invalid` where nothing at all would be encrypted.
 */
export async function nextCiphertext(
  plaintext: Buffer,
  old: Buffer | null,
  options: EncryptOptions,
  identities: readonly AgeIdentity[],
): Promise<NextCiphertext> {
  const { made, changed, notes } = await encrypted(plaintext, old, options, identities)
  if (made.encryptedValues === 0 && made.clearValues > 0)
    throw fault('in-clear', 'would stay in plaintext, all of it: the selector of its rule encrypts no value', {
      hint: 'Mend the selector in .sops.yaml.',
    })
  return { bytes: made.bytes, changed, notes: [...notes, ...(await unreadable(made.bytes, options.recipients, identities))] }
}

type Made = Omit<NextCiphertext, 'bytes'> & { readonly made: Pick<Reencrypted, 'bytes' | 'encryptedValues' | 'clearValues'> }

async function encrypted(
  plaintext: Buffer,
  old: Buffer | null,
  options: EncryptOptions,
  identities: readonly AgeIdentity[],
): Promise<Made> {
  const info = old === null ? null : await inspect(old)
  if (old === null || info === null || info.format !== options.format) {
    if (info !== null) refuseLoss(info)
    return { made: await encryptSops(plaintext, options), changed: true, notes: [] }
  }
  try {
    const made = await reencryptSops(old, plaintext, { ...options, identities })
    return { made, changed: made.changed, notes: told(made, info) }
  } catch (error) {
    // Whoever has no key for keys of other kinds must not take them away.
    if (faultKind(error) === 'unsupported') throw error
    refuseLoss(info)
    // What is wrong with the plaintext is wrong here as well, and is told as such.
    const made = await encryptSops(plaintext, options)
    const why = faultKind(error) === 'no-key' ? 'does not open with an identity of yours' : 'cannot be trusted, it was changed by hand'
    return { made, changed: true, notes: [`The old one ${why}: every value is encrypted anew.`] }
  }
}

function told({ added, removed }: Reencrypted, { otherKeys }: SopsInfo): string[] {
  const notes = added.map((one) => `New recipient: ${one}.`)
  for (const one of removed)
    notes.push(`${one} could read the old one and is not named any more: the data key is a new one. What it could read, it knows.`)
  if (otherKeys.length > 0) notes.push(`It keeps its keys of other kinds: ${otherKeys.join(', ')}.`)
  return notes
}

/** A file that nobody can read any more may still have keys, and values, that are nowhere else. */
async function inspect(old: Buffer): Promise<SopsInfo | null> {
  let why = 'has no `sops` block'
  try {
    const info = await inspectSops(old)
    if (info !== null) return info
  } catch (error) {
    why = error instanceof GitopsError ? error.message : 'is damaged'
  }
  if (!old.includes('ENC[AES256_GCM,data:')) return null
  throw fault('unsupported', `would take the place of a file that looks encrypted and cannot be read: it ${why}`, {
    hint: 'Mend that file, or move it away first.',
  })
}

function refuseLoss({ otherKeys }: SopsInfo): void {
  if (otherKeys.length === 0) return
  throw fault(
    'unsupported',
    `would take the place of a file that has keys of other kinds than age (${otherKeys.join(', ')}), which would be lost`,
    {
      hint: 'Open the old one with an age identity that it has, use sops itself, or delete it first.',
    },
  )
}

/** Who encrypts is told when it was not for themselves; somebody without any identity knows. */
export async function unreadable(bytes: Buffer, recipients: Recipients, identities: readonly AgeIdentity[]): Promise<string[]> {
  const { keys, unknown, locked } = await atHand(identities)
  const named = keyGroups(recipients).groups.flat()
  // What a command or a passphrase would give is not asked for, only to know whether to warn.
  if (keys.length + locked.length === 0 || unknown.length > 0 || [...keys, ...locked].some((one) => isNamed(one, named))) return []
  const usable = [...keys, ...locked]
  const opened = await openSops(bytes, keys).catch(() => null)
  opened?.key.fill(0)
  const who = usable.length === 1 ? `Your identity (${usable[0]?.name})` : `None of your ${usable.length} identities`
  return opened === null
    ? [`${who} ${usable.length === 1 ? 'cannot open' : 'can open'} what was written: add your recipient to the rule if you should.`]
    : []
}
