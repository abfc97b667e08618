import { setAt } from '../documents/set.ts'
import type { NewValue } from '../documents/new-value.ts'
import { keyOf, showPointer, type Pointer } from '../model/pointer.ts'
import { fault } from '../secrets/fault.ts'
import { decryptSops } from '../secrets/sops/decrypt.ts'
import { FORMAT_NAMES, type SopsFormat } from '../secrets/sops/file-format.ts'
import { METADATA_KEY } from '../secrets/sops/metadata.ts'
import { reencryptSops } from '../secrets/sops/reencrypt.ts'
import { setFlat } from '../secrets/sops/set-flat.ts'
import { myIdentities, type InputFile } from './encrypted-files.ts'

/**
 * The next version of an encrypted file in which a place has another value, or with null none; null when that is what the
 * file says already. Throws `usage` (`bad-path`) for a place that leads nowhere.
 */
export async function withValue({ bytes }: InputFile, pointer: Pointer, value: NewValue | null): Promise<Buffer | null> {
  if (pointer.length === 0)
    throw fault('bad-path', 'cannot be changed as a whole here', { hint: 'Name a place in it, or use `gitops edit`.' })
  const identities = await myIdentities()
  const { format, plaintext } = await decryptSops(bytes, identities)
  if (format === 'binary')
    throw fault('bad-path', 'has no places: it is encrypted as a whole', { hint: 'Use `gitops edit`, or encrypt it anew.' })
  refuseReserved(pointer, format)
  const flat = format === 'dotenv' || format === 'ini'
  const result = flat
    ? setFlat(plaintext.text(), format, pointer, value === null ? null : flatText(value, format))
    : await setAt(plaintext.text(), format, pointer, value)
  plaintext.wipe()
  if (result === null)
    throw fault('unsupported', 'is written in a way in which one value cannot be changed', { hint: 'Use `gitops edit`.' })
  if ('depth' in result) {
    const where = showPointer(pointer.slice(0, result.depth + 1))
    throw fault('bad-path', `has nothing at ${where}${value === null ? '' : ', and nothing can be there'}`)
  }
  const next = await reencryptSops(bytes, Buffer.from(result.text, 'utf8'), { identities, now: new Date(), format })
  return next.changed ? next.bytes : null
}

/** In a flat format what SOPS knows has keys of its own; elsewhere it is in one mapping. */
function refuseReserved([first]: Pointer, format: SopsFormat): void {
  const name = first === undefined ? undefined : keyOf(first)
  if (name !== METADATA_KEY && !(format === 'dotenv' && name?.startsWith(`${METADATA_KEY}_`) === true)) return
  throw fault('already', `keeps ${JSON.stringify(name)} for SOPS itself: no value can be set or removed there`, {
    hint: 'Take another key.',
  })
}

function flatText(value: NewValue, format: 'dotenv' | 'ini'): string {
  if (value.kind === 'text' || (value.kind === 'word' && value.text !== 'null')) return value.text
  throw fault('shape', `cannot hold that value: ${FORMAT_NAMES[format]} has text only`, { hint: 'Give it as text.' })
}
