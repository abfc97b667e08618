import { isSource, type AgeIdentity } from './age.ts'

/** Whether one of the recipients is the identity's own. An SSH key's comment does not count. False for a key that is not known yet. */
export function isNamed({ name, also }: AgeIdentity, recipients: Iterable<string>): boolean {
  for (const recipient of recipients) {
    const key = recipient.startsWith('ssh-') ? recipient.split(' ', 2).join(' ') : recipient
    if (key !== '' && (key === name || key === also)) return true
  }
  return false
}

/** What there is without running a command or asking anybody: the keys, and what else there may be. */
export interface AtHand {
  readonly keys: readonly AgeIdentity[]
  /** Keys of which nothing is known before a command is run or a passphrase given. */
  readonly unknown: readonly AgeIdentity[]
  /** SSH keys with a passphrase: whose they are is known. */
  readonly locked: readonly AgeIdentity[]
}

/** Sorts identities by what can be known of them now; files with keys are read. */
export async function atHand(identities: readonly AgeIdentity[]): Promise<AtHand> {
  const files = identities.flatMap(({ key }) => (isSource(key) && key.effort === 'file' ? [key] : []))
  const read = await Promise.all(files.map((file) => file.fetch({ recipient: '', stanzas: [] })))
  const all = [...identities, ...read.flat()].filter(({ key }) => !(isSource(key) && key.effort === 'file'))
  return {
    keys: all.filter(({ key }) => key !== null && !isSource(key)),
    unknown: all.filter(({ key, name }) => isSource(key) && !name.startsWith('ssh-')),
    locked: all.filter(({ key, name }) => isSource(key) && name.startsWith('ssh-')),
  }
}
