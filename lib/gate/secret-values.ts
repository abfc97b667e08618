import { finding, type Finding } from '../model/finding.ts'
import { GitopsError } from '../model/errors.ts'
import type { AgeIdentity } from '../secrets/age.ts'
import { isNamed } from '../secrets/at-hand.ts'
import { faultKind } from '../secrets/fault.ts'
import { isComment } from '../secrets/sops/document.ts'
import type { Metadata } from '../secrets/sops/metadata.ts'
import { openSops } from '../secrets/sops/open.ts'
import { secretValues } from '../secrets/values.ts'
import { needles, type Needle } from './needles.ts'
import { positionAt } from './position.ts'
import { placeName } from './sops-file.ts'
import { isTelling, spellings } from './telling.ts'

/** Where a value comes from; what it is stays out of it. */
export interface Origin {
  readonly path: string
  /** Null for a file that is one value. */
  readonly place: string | null
}

/** What is known of an encrypted file with a key. */
export interface OpenedFile {
  readonly findings: readonly Finding[]
  readonly needles: readonly Needle<Origin>[]
  /** False where no key at hand is for it. */
  readonly opened: boolean
}

/** Opens an encrypted file in memory, and gives the values that must stand nowhere in clear. */
export async function openForGate(path: string, bytes: Buffer, metadata: Metadata, keys: readonly AgeIdentity[]): Promise<OpenedFile> {
  const wanted: Needle<Origin>[] = []
  const take = (value: string, name: string, place: string | null): void => {
    if (isTelling(value, name)) for (const spelled of spellings(value)) wanted.push({ bytes: spelled, meaning: { path, place } })
  }
  try {
    const opened = await openSops(bytes, keys, {
      heard(_, clear, place) {
        if (isComment(clear) || typeof clear === 'boolean') return
        const text = Buffer.isBuffer(clear) ? clear.toString('latin1') : typeof clear === 'string' ? clear : ''
        const name = place.path.at(-1) ?? ''
        if (place.path.length === 1 && name === 'data' && text.includes('\n'))
          for (const value of secretValues(Buffer.from(text))) take(value, '', null)
        else for (const value of [text, ...lines(text)]) take(value, name, placeName(place))
      },
    })
    opened.key.fill(0)
    return { findings: [], needles: wanted, opened: true }
  } catch (error) {
    if (!(error instanceof GitopsError)) throw error
    return { findings: refusals(path, metadata, keys, error), needles: wanted, opened: faultKind(error) !== 'no-key' }
  }
}

/** Of a key that goes over lines, each line is a part that would do. */
function lines(text: string): string[] {
  return text.includes('\n') ? text.split('\n').filter((line) => line.length >= 16) : []
}

function refusals(path: string, { groups }: Metadata, keys: readonly AgeIdentity[], error: GitopsError): Finding[] {
  const hint = error.hint ?? null
  if (faultKind(error) !== 'no-key') return [finding('sops/mac', path, `the encrypted file ${error.message}`, { hint })]
  const named = groups.length === 1 ? (groups[0]?.age ?? []).map(({ recipient }) => recipient) : []
  const mine = keys.find((key) => isNamed(key, named))
  if (mine === undefined) return []
  const message = `the file names ${mine.name} as a recipient, but that key does not open it: its entry was damaged or made up`
  return [
    finding('sops/undecryptable', path, message, {
      hint: 'Run `gitops rotate -i` with another key, or take its last good version from Git.',
    }),
  ]
}

/** Of one file nobody reads more. */
const MOST = 50

/** Looks for these values, all at once. At most one finding a line and value. */
export function valueSearch(wanted: readonly Needle<Origin>[]): (of: { path: string; commit: string | null }, bytes: Buffer) => Finding[] {
  const search = needles(wanted)
  return ({ path, commit }, bytes) => {
    const seen = new Set<string>()
    return search(bytes)
      .slice(0, MOST)
      .flatMap(({ offset, meaning }) => {
        const { line, column } = positionAt(bytes.toString('utf8', 0, offset), Infinity)
        const from = meaning.place === null ? 'a value' : `the value at ${meaning.place}`
        const message = `${from} of the encrypted ${JSON.stringify(meaning.path)} stands here in clear`
        if (seen.has(`${line} ${message}`)) return []
        seen.add(`${line} ${message}`)
        const hint = 'Take it out, and change the secret: it is known to everybody who has the repository.'
        return [finding('leak/decrypted', path, message, { line, column, hint, commit })]
      })
  }
}
