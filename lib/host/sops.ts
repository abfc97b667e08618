import { GitopsError } from '../model/errors.ts'
import { parsePointer } from '../model/pointer.ts'
import { parseIdentities, recipient, type AgeIdentity } from '../secrets/age.ts'
import { decryptSops, inspectSops, type SopsInfo } from '../secrets/sops/decrypt.ts'
import { encryptSops } from '../secrets/sops/encrypt.ts'
import type { SopsFormat } from '../secrets/sops/file-format.ts'
import { reencryptSops } from '../secrets/sops/reencrypt.ts'
import type { Rule } from '../secrets/sops/rules.ts'
import { findIdentities } from './identities.ts'
import { machine } from './machine.ts'
import { checkEncryption, knownOptions } from './sops-options.ts'

/** Who opens a file. */
export interface SopsIdentities {
  /** Texts of age identity files (`AGE-SECRET-KEY-1…`). Default: those of this machine, where `sops` looks; nobody is asked for a passphrase. */
  readonly identities?: readonly string[]
}

/** How a program decrypts a file. */
export interface SopsDecryptOptions extends SopsIdentities {
  /** The file's format. Default: found out by looking. */
  readonly format?: SopsFormat
  /** The format of the plaintext. Default: the file's. */
  readonly output?: SopsFormat
  /** Only what stands at this place: `["a"]["b"][0]` or `/a/b/0`. */
  readonly extract?: string
  /** Takes values though nothing vouches that they belong together. Default false. */
  readonly ignoreMac?: boolean
}

/** How a program encrypts a file. */
export interface SopsEncryptOptions {
  readonly format: SopsFormat
  /** At least one age recipient (`age1…`, or an SSH key). */
  readonly recipients: readonly string[]
  /**
   * Which values are encrypted: `{ kind: 'encrypted_regex', pattern: '^token$' }`, `{ kind: 'unencrypted_suffix', suffix: '_plain' }`, or by any other
   * selector of SOPS. Default: all but those under a key that ends in `_unencrypted`. Without effect on binary files.
   */
  readonly rule?: Rule
  /** Leaves what is not encrypted out of the MAC. Default false. */
  readonly macOnlyEncrypted?: boolean
  /** Written into the file as the time of its change, in whole seconds. Default: now. */
  readonly now?: Date
}

/** How a program changes a file. */
export interface SopsEditOptions extends SopsIdentities {
  /** All who can read it from now on; when one is missing the data key is a new one. Default: who can read it now. */
  readonly recipients?: readonly string[]
  /** Written into the file as the time of its change, in whole seconds. Default: now. */
  readonly now?: Date
}

/** The plaintext of a SOPS file; see `sops.decrypt`. */
export async function decrypt(file: Uint8Array, options: SopsDecryptOptions = {}): Promise<Buffer> {
  knownOptions('decrypt', options, ['identities', 'format', 'output', 'extract', 'ignoreMac'])
  const { extract, identities: _, ...how } = options
  const pointer = extract === undefined ? undefined : parsePointer(extract)
  if (pointer === null)
    throw new GitopsError('usage', `${JSON.stringify(extract)} is no place in a document`, { hint: 'Write ["a"]["b"][0] or /a/b/0.' })
  const { plaintext } = await decryptSops(file, await identitiesOf(options), { ...how, ...(pointer !== undefined && { extract: pointer }) })
  return plaintext.bytes()
}

/** A plaintext as a SOPS file; see `sops.encrypt`. */
export async function encrypt(plaintext: Uint8Array | string, given: SopsEncryptOptions): Promise<Buffer> {
  checkEncryption(given)
  const { recipients, ...options } = given
  const to = await Promise.all(recipients.map(recipient))
  return (await encryptSops(Buffer.from(plaintext as Uint8Array), { now: new Date(), ...options, recipients: to })).bytes
}

/** What a file says of its encryption; see `sops.inspect`. */
export async function inspect(file: Uint8Array): Promise<SopsInfo | null> {
  return inspectSops(file)
}

/** The next version of a file; see `sops.edit`. */
export async function edit(
  file: Uint8Array,
  change: (plaintext: Buffer) => Uint8Array | string | Promise<Uint8Array | string>,
  options: SopsEditOptions = {},
): Promise<{ bytes: Buffer; changed: boolean }> {
  knownOptions('edit', options, ['identities', 'recipients', 'now'])
  const identities = await identitiesOf(options)
  const { plaintext, format } = await decryptSops(file, identities)
  const next = Buffer.from((await change(plaintext.bytes())) as Uint8Array)
  const to = options.recipients === undefined ? undefined : await Promise.all(options.recipients.map(recipient))
  const how = { identities, format, now: options.now ?? new Date(), ...(to !== undefined && { recipients: to }) }
  const { bytes, changed } = await reencryptSops(file, next, how)
  return { bytes, changed }
}

async function identitiesOf({ identities }: SopsIdentities): Promise<readonly AgeIdentity[]> {
  if (identities === undefined) return findIdentities(machine())
  return (await Promise.all(identities.map((text, index) => parseIdentities(text, `identities[${index}]`)))).flat()
}
