import { GitopsError } from '../model/errors.ts'
import { lacking, parseIdentities, type AgeIdentity } from './age.ts'
import { fromArmor, isAgeFile } from './age/armor.ts'
import { parseAgeFile } from './age/header.ts'
import { openAge } from './age/open.ts'
import { once, unlock, type Ask } from './passphrase.ts'

/** What sops reads of one at most. */
const MOST_BYTES = 1 << 24

/**
 * The identities of an identity file, which may be encrypted with a passphrase: then it is asked for when nothing else opens
 * a file. Never throws: a file that cannot be used is a place without a key.
 */
export async function readIdentityFile(
  bytes: Buffer,
  origin: string,
  options: { readonly separator?: 'space'; readonly ask: Ask },
): Promise<readonly AgeIdentity[]> {
  if (bytes.length >= MOST_BYTES) return [lacking(origin, `${origin} is too long for an identity file`)]
  if (isAgeFile(bytes)) return [locked(bytes, origin, options.ask)]
  return parsed(bytes.toString('utf8'), origin, options.separator)
}

async function parsed(text: string, origin: string, separator?: 'space'): Promise<readonly AgeIdentity[]> {
  try {
    const identities = await parseIdentities(text, origin, separator)
    return identities.length === 0 ? [lacking(origin)] : identities
  } catch (error) {
    if (error instanceof GitopsError) return [lacking(origin, error.message)]
    throw error
  }
}

function locked(bytes: Buffer, origin: string, ask: Ask): AgeIdentity {
  const file = bytes[0] === 0x2d ? fromArmor(bytes.toString('latin1')) : bytes
  const stanzas = file === null ? undefined : parseAgeFile(file)?.stanzas
  if (file === null || stanzas === undefined) return lacking(origin, `${origin} is an age file that is broken`)
  if (stanzas[0]?.args[0] !== 'scrypt') return lacking(origin, `${origin} is encrypted, and not with a passphrase`)
  const fetch = once(() =>
    unlock(origin, ask, async (passphrase) => {
      const { scryptIdentity } = await import('./age/scrypt.ts')
      const opening = await openAge(file, scryptIdentity(passphrase))
      if (opening.kind === 'no match') return null
      if (opening.kind !== 'opened') return [lacking(origin, `${origin} is broken, or takes more work to open than is sane`)]
      try {
        return await parsed(opening.plaintext.toString('utf8'), origin)
      } finally {
        opening.plaintext.fill(0)
      }
    }),
  )
  return { name: 'an identity file with a passphrase', origin, key: { effort: 'person', fetch } }
}
