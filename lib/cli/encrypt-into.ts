import { existsSync, readFileSync, statSync } from 'node:fs'
import { gitStanding, ignore } from '../host/git-ignore.ts'
import { machine } from '../host/machine.ts'
import { replaceFile } from '../host/replace.ts'
import { GitopsError } from '../model/errors.ts'
import { plainSopsOptions } from '../secrets/sops/plain-sops.ts'
import type { DeclaredPlace } from './declared-place.ts'
import { myIdentities, type InputFile } from './encrypted-files.ts'
import { encryptionFor, type Encryption, type EncryptionOptions } from './encryption.ts'
import { tell } from './messages.ts'
import { onlyKeys, keysAt, leftOut } from './named-keys.ts'
import { nextCiphertext, type NextCiphertext } from './next-ciphertext.ts'
import { shellWord } from './shell-word.ts'

/** What of a file is encrypted, and how. */
export interface ContentOptions extends EncryptionOptions {
  /** Places in a JSON document, with commas between them. */
  readonly keys?: string
}

/** A ciphertext, and how it was made. */
export interface Made extends NextCiphertext {
  readonly how: Encryption
}

/**
 * A file encrypted by the rule for `name`, an absolute path, over an old ciphertext where there is one. `identities` are
 * files with keys, beside the usual places.
 */
export async function encrypt(
  file: InputFile,
  old: Buffer | null,
  name: string,
  options: ContentOptions,
  identities: readonly string[] = [],
): Promise<Made> {
  const how = await encryptionFor(name, file.path, options)
  const { keys } = options
  const plaintext = keys === undefined ? file.bytes : onlyKeys(file.bytes, keys)
  const mine = await myIdentities(identities)
  const next = await nextCiphertext(plaintext, old, how, mine)
  const lost = keys === undefined || old === null ? [] : await leftOut(old, next.bytes, keys)
  const notes = lost.length === 0 ? [] : [`Not among --keys, and no longer in ${name}: ${lost.join(', ')}.`]
  return { ...next, notes: [...how.notes, ...next.notes, ...notes], how }
}

/** Encrypts into another file; what is there already lends what is still the same. */
export async function intoFile(file: InputFile, target: string, name: string, options: ContentOptions): Promise<null> {
  const { old, made } = await encryptOver(file, target, name, options)
  replace(target, old, made)
  const { how, notes } = made
  for (const note of notes) tell(note)
  // Whoever names a file in an ordinary way need not be told how it is read.
  if (plainSopsOptions(target, how.format).length > 0) tell(reading(target, how))
  return null
}

/** Encrypts the live file of a declared secret into the repository that it comes from, and keeps the live one out of Git. */
export async function intoDeclaredPlace(
  file: InputFile,
  live: string,
  { secret, path, identities }: DeclaredPlace,
  options: ContentOptions,
): Promise<null> {
  if (secret.strategy === 'merge' && options.keys === undefined) throw await holdsMore(file, live, secret.name, path)
  const standing = await gitStanding(live)
  if (standing === 'tracked') {
    throw new GitopsError('usage', `${live} is in clear and tracked by Git: its content is in the repository already`, {
      hint: `Take it out with \`git rm --cached\`, change the secrets in it, and encrypt it then.`,
    })
  }
  const { old, made } = await encryptOver(file, path, path, options, identities)
  const { how, notes, changed } = made
  // Before the ciphertext: what fails here must not leave the impression that the secret is in safety.
  const ignored = standing === 'exposed' ? await ignore(live) : null
  replace(path, old, made)
  const to = how.recipients
  const names = 'groups' in to ? to.groups.flat() : to
  tell(
    changed
      ? `${path} is written, encrypted to ${names.join(', ')} (${how.saidBy}). Commit it.`
      : `${path} is as it was: nothing in ${live} has changed.`,
  )
  for (const note of notes) tell(note)
  tell(reading(path, how))
  if (ignored !== null) tell(`${live} is added to ${ignored}, so that it is not committed in clear.`)
  return null
}

/** The next content of a target, and its present one: null where it has none to lend. */
async function encryptOver(
  file: InputFile,
  target: string,
  name: string,
  options: ContentOptions,
  identities?: readonly string[],
): Promise<{ old: Buffer | null; made: Made }> {
  // A pipe or a device has nothing to lend, and reading it might take for ever.
  const old = statSync(target, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(target) : null
  return { old, made: await encrypt(file, old, name, options, identities) }
}

/** Writes the next content of a target, while it holds what was read. */
function replace(target: string, old: Buffer | null, { bytes, changed }: Made): void {
  if (!changed) return
  replaceFile(target, bytes, { mode: 0o666 & ~machine().umask, expected: old })
}

function reading(path: string, { format }: Encryption): string {
  return `Plain sops reads it with: ${['sops', 'decrypt', ...plainSopsOptions(path, format), shellWord(path)].join(' ')}`
}

/** An application's file holds its own state as well. */
async function holdsMore({ bytes }: InputFile, live: string, name: string, path: string): Promise<GitopsError> {
  const keys = existsSync(path) ? await keysAt(readFileSync(path), bytes) : []
  return new GitopsError(
    'usage',
    `${live} is merged (secrets.${name}): only some of its keys come from ${path}, and all of them would go there`,
    {
      hint: `Name the ones that belong to the source${keys.length > 0 ? ', as they are there now' : ', for example'}: gitops encrypt ${shellWord(live)} --keys ${shellWord((keys.length > 0 ? keys : ['/mcpServers']).join(','))}`,
    },
  )
}
