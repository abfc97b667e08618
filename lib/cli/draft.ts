import { existsSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { machine } from '../host/machine.ts'
import { replaceFile } from '../host/replace.ts'
import { GitopsError } from '../model/errors.ts'
import { fault } from '../secrets/fault.ts'
import { decryptSops } from '../secrets/sops/decrypt.ts'
import { reencryptSops } from '../secrets/sops/reencrypt.ts'
import type { SopsFormat } from '../secrets/sops/file-format.ts'
import { myIdentities, type InputFile } from './encrypted-files.ts'
import { encryptionFor } from './encryption.ts'
import { tell } from './messages.ts'
import { nextCiphertext } from './next-ciphertext.ts'

/** A plaintext that a person works on, and how it becomes the next version of its file. */
export interface Draft {
  /** Absolute. */
  readonly path: string
  readonly plaintext: Buffer
  /** The file as it was read; null for one that is not there yet. */
  readonly old: Buffer | null
  /** The plaintext encrypted; null when it says what the file says already. */
  readonly encrypt: (plaintext: Buffer) => Promise<Buffer | null>
}

/** A draft of a file that is there. Throws as `decryptSops` does. */
export async function draftOf({ bytes, path, name }: InputFile): Promise<Draft> {
  const identities = await myIdentities()
  const { plaintext, format } = await decryptSops(bytes, identities)
  return {
    path: path ?? name,
    plaintext: plaintext.bytes(),
    old: bytes,
    async encrypt(edited) {
      const next = await reencryptSops(bytes, edited, { identities, now: new Date(), format })
      return next.changed ? next.bytes : null
    },
  }
}

const EXAMPLES: Readonly<Record<SopsFormat, string>> = {
  json: '{\n    "example": "Put your own keys and values in the place of this one."\n}\n',
  yaml: '# This comment is encrypted as well.\nexample: Put your own keys and values in the place of this one.\n',
  dotenv: '# This comment is encrypted as well.\nEXAMPLE=Put your own names and values in the place of this one.\n',
  ini: '[example]\nkey = Put your own sections, keys and values in the place of this one.\n',
  binary: 'Put what is to be encrypted in the place of this line.\n',
}

/** A draft of a file that is to be made, encrypted as `.sops.yaml` says; it starts from an example. Throws as `encryptionFor` does. */
export async function newDraft(path: string): Promise<Draft> {
  const how = await encryptionFor(path, null, {})
  const example = EXAMPLES[how.format]
  return {
    path,
    plaintext: Buffer.from(example),
    old: null,
    async encrypt(edited) {
      const next = await nextCiphertext(edited, null, { ...how, now: new Date() }, await myIdentities())
      for (const note of [...how.notes, ...next.notes]) tell(note)
      return next.bytes
    },
  }
}

/** The name that a draft's plaintext has in the editor: by it an editor knows the syntax. */
export function plainName(path: string): string {
  return basename(path).replace(/(?<=.)\.(?:enc|sops|encrypted)$/, '')
}

/**
 * Writes the next version of a draft's file. When that was changed by somebody else it stays, and what was edited goes into
 * a file beside it, encrypted. Throws `invalid` (`unchanged`), `conflict`, and as the draft's `encrypt` does.
 */
export async function saveDraft({ path, old, encrypt }: Draft, edited: Buffer): Promise<void> {
  const bytes = await encrypt(edited)
  if (bytes === null) throw unchanged(path)
  const mode = 0o666 & ~machine().umask
  try {
    replaceFile(path, bytes, { mode, expected: old })
  } catch (error) {
    if (!(error instanceof GitopsError) || error.code !== 'conflict') throw error
    const aside = putAside(path, bytes, mode)
    throw new GitopsError('conflict', `${path} was changed by somebody else while you edited it, and stays as it is`, {
      hint: `What you have written is in ${aside}, encrypted. Compare the two with \`gitops decrypt\`.`,
      cause: error,
    })
  }
}

/** Nothing was written, as sops says it: exit code 200. */
export function unchanged(path: string): GitopsError {
  return fault('unchanged', `${path} was not changed: nothing is written`)
}

/** Writes it under a name beside the path that nobody has, and returns that. */
function putAside(path: string, bytes: Buffer, mode: number): string {
  const end = extname(path)
  for (let count = 0; ; count += 1) {
    const name = `${path.slice(0, path.length - end.length)}.edited${count === 0 ? '' : `-${count}`}${end}`
    try {
      if (existsSync(name)) continue
      replaceFile(name, bytes, { mode, expected: null })
      return name
    } catch (error) {
      // Another one that was put aside at the same moment.
      if (!existsSync(name)) throw error
    }
  }
}
