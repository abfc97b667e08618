import { keyOf, type Pointer } from '../../model/pointer.ts'
import { isEncrypted } from './cipher.ts'
import { branch, isBranch, isComment, isList, type Value } from './document.ts'
import { find } from './extract.ts'
import { loadEncrypted } from './store.ts'

/** Whether what stands at a place of an encrypted file can be read without a key: all of it, a part, or nothing, as what is empty or null. */
export async function inClear(bytes: Uint8Array, pointer: Pointer): Promise<'all' | 'part' | 'nothing'> {
  const loaded = await loadEncrypted(bytes)
  const last = pointer.at(-1)
  // The items of a list are all treated alike, and only the list knows which one is behind the last now.
  const place = last !== undefined && keyOf(last) === '-' ? pointer.slice(0, -1) : pointer
  const leaves = leavesOf(find(loaded?.taken.documents[0] ?? branch(), place))
  const clear = leaves.filter((leaf) => typeof leaf !== 'string' || !isEncrypted(leaf))
  return clear.length === 0 ? 'nothing' : clear.length === leaves.length ? 'all' : 'part'
}

function leavesOf(value: Value): Value[] {
  if (isBranch(value)) return value.items.flatMap((entry) => (entry.kind === 'item' ? leavesOf(entry.value) : []))
  if (isList(value)) return value.items.flatMap(leavesOf)
  // SOPS never encrypts these.
  return isComment(value) || value === null || value === '' ? [] : [value]
}
