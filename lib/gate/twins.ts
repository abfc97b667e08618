import { finding, type Finding } from '../model/finding.ts'
import { formatOf } from '../secrets/sops/file-format.ts'
import { loadPlain } from '../secrets/sops/store.ts'
import { valuesOf } from './sops-file.ts'

/** What tells an encrypted file and its plaintext apart by their names. */
const MARKS = /\.(?:enc|sops|encrypted|dec|decrypted|plain|plaintext|age)(?=\.|$)/gi
const CIPHER_MARKS = /\.(?:enc|sops|encrypted|age)(?=\.|$)/i

/** Whether a file is called as encrypted ones are. */
export function isCalledEncrypted(path: string): boolean {
  return CIPHER_MARKS.test(path.slice(path.lastIndexOf('/') + 1))
}

/** An encrypted file, and a file with its name in clear beside it. */
export interface Pair {
  readonly encrypted: string
  readonly clear: string
}

/** Files whose names differ only in such marks from that of an encrypted one. */
export function pairsOf(paths: readonly string[], encrypted: ReadonlySet<string>): Pair[] {
  const byName = new Map<string, string>()
  for (const path of encrypted) byName.set(bare(path), path)
  return paths.flatMap((path) => {
    const twin = encrypted.has(path) ? undefined : byName.get(bare(path))
    return twin === undefined ? [] : [{ encrypted: twin, clear: path }]
  })
}

/**
 * The finding for such a file, if it is the plaintext: if at least half of what is encrypted in the one has a value in the other. A file
 * `values.yaml` for what everybody may read, beside a `values.sops.yaml` for the rest, is none.
 */
export async function twinFinding({ encrypted, clear }: Pair, bytes: Buffer, places: ReadonlySet<string>): Promise<Finding | null> {
  if (bytes.length === 0 || !(await hasMost(clear, bytes, places))) return null
  return finding('sops/twin', clear, `this looks like the plaintext of ${JSON.stringify(encrypted)}, and it is tracked`, {
    hint: 'Take it out of Git and put its name into .gitignore; what was committed in clear is known: change it.',
  })
}

async function hasMost(path: string, bytes: Buffer, places: ReadonlySet<string>): Promise<boolean> {
  const format = formatOf(path.replace(MARKS, ''))
  if (format === 'binary') return true
  try {
    const { documents } = await loadPlain(bytes, format)
    const held = new Set(valuesOf(documents).clear.map(({ path: keys }) => JSON.stringify(keys)))
    return [...places].filter((place) => held.has(place)).length * 2 >= places.size
  } catch {
    return true
  }
}

function bare(path: string): string {
  return path.replace(MARKS, '').toLowerCase()
}
