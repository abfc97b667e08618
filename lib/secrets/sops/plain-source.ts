import { fault } from '../fault.ts'
import { convertSource } from './convert.ts'
import { refuseDirectives } from './directives.ts'
import type { Documents } from './document.ts'
import type { SopsFormat } from './file-format.ts'
import type { Source } from './format.ts'
import { METADATA_KEY } from './metadata.ts'
import type { Indents } from './policy-fields.ts'
import type { Selector } from './rules.ts'
import { hasBlock } from './sniff.ts'
import { loadPlain, storeOf } from './store.ts'
import { laidOut } from './usual-layout.ts'

/** How a plaintext is written, and how it is to be encrypted. */
interface Wanted {
  readonly input: SopsFormat
  readonly format: SopsFormat
  readonly isSelected: Selector
  readonly indents: Indents | undefined
}

/**
 * What is to be encrypted in a format. Throws `syntax` or `plaintext`, `shape` where the format cannot hold it, and for what is
 * encrypted already, has no document, or has what SOPS keeps for itself in the format.
 */
export async function sourceOf(plaintext: Uint8Array, { input, format, isSelected, indents }: Wanted): Promise<Source> {
  const loaded = await loadPlain(plaintext, input)
  await refuseEncrypted(plaintext, loaded.documents, input, format)
  if (input === 'yaml' && format === 'yaml') refuseDirectives(loaded.text)
  const source = (await storeOf(input).withCopies?.(loaded, isSelected)) ?? loaded
  return laidOut(convertSource(source, input, format, isSelected), format, indents)
}

async function refuseEncrypted(plaintext: Uint8Array, documents: Documents, input: SopsFormat, format: SopsFormat): Promise<void> {
  if (documents.length === 0) throw fault('empty', 'is empty: there is nothing to encrypt')
  const { inspectSops } = await import('./decrypt.ts')
  // Any file can go into a binary envelope, also one that is encrypted and would then be so twice.
  const maybe = input === 'binary' && Buffer.from(plaintext).includes(METADATA_KEY)
  const nested = maybe ? await inspectSops(plaintext).catch(() => null) : null
  if (nested === null && !documents.some((document) => hasBlock(document, format))) return
  const own = format === 'dotenv' ? `keys that begin with \`${METADATA_KEY}_\`` : `a key \`${METADATA_KEY}\``
  throw fault('already', `is encrypted already, or has ${own} of its own, which SOPS keeps for itself`, {
    hint: 'To change it use `gitops edit` or `gitops set`; for other recipients, `gitops rotate -i`.',
  })
}
