import { GitopsError } from '../model/errors.ts'
import { finding, type Finding } from '../model/finding.ts'
import { isEncrypted } from '../secrets/sops/cipher.ts'
import { differences, selectorText } from '../secrets/sops/differences.ts'
import { isComment, type Documents } from '../secrets/sops/document.ts'
import { readMetadata, type Metadata } from '../secrets/sops/metadata.ts'
import type { CreationRule } from '../secrets/sops/policy.ts'
import { DEFAULT_RULE, selector, type Place, type Selector } from '../secrets/sops/rules.ts'
import { loadEncrypted, type Loaded } from '../secrets/sops/store.ts'
import { walk } from '../secrets/sops/walk.ts'
import { positionAt } from './position.ts'

/** An encrypted file that could be taken apart, and what is wrong with it. */
export interface JudgedFile {
  readonly findings: readonly Finding[]
  readonly metadata: Metadata | null
  /** The places of its encrypted values; none for a file that is one value. */
  readonly places: ReadonlySet<string>
}

/**
 * Judges an encrypted file without a key: whether all that should be is encrypted, and whether it is as its rule has it. Null when it
 * is no encrypted file at all.
 */
export async function judgeEncrypted(path: string, bytes: Buffer, rule: CreationRule | null): Promise<JudgedFile | null> {
  try {
    const loaded = await loadEncrypted(bytes)
    if (loaded === null) return null
    const metadata = readMetadata(loaded.taken.block)
    const { clear, places, any } = valuesOf(loaded.taken.documents)
    const findings = [
      ...(await inClear(path, loaded, clear, metadata, rule)),
      ...(any && places.size === 0 ? [neverMatches(path, metadata)] : []),
      ...(rule === null ? [] : asRuled(path, loaded, metadata, rule)),
    ]
    return { findings, metadata, places: loaded.format === 'binary' ? new Set() : places }
  } catch (error) {
    if (!(error instanceof GitopsError)) throw error
    const found = finding('sops/broken', path, `the encrypted file ${error.message}`, { hint: error.hint ?? null })
    return { findings: [found], metadata: null, places: new Set() }
  }
}

/** A place in a document as one text. */
function placeKey({ path }: Place): string {
  return JSON.stringify(path)
}

/** A place as people read it. */
export function placeName({ path }: Place): string {
  return path.map((name) => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)).join('.')
}

/** The values of documents: those in clear, and where the others are. What SOPS never encrypts is neither. */
export function valuesOf(documents: Documents): {
  readonly clear: readonly Place[]
  readonly places: ReadonlySet<string>
  readonly any: boolean
} {
  const clear: Place[] = []
  const places = new Set<string>()
  walk(documents, (value, place) => {
    if (isComment(value) || value === '') return value
    if (typeof value === 'string' && isEncrypted(value)) places.add(placeKey(place))
    else clear.push(place)
    return value
  })
  return { clear, places, any: clear.length + places.size > 0 }
}

/** Values that stand in clear where the file itself, or its rule, says that they are encrypted. */
async function inClear(
  path: string,
  { source, format }: Loaded,
  clear: readonly Place[],
  metadata: Metadata,
  rule: CreationRule | null,
): Promise<Finding[]> {
  const own = await selector(metadata.rule)
  const ruled: Selector = rule === null || format === 'binary' ? () => false : await selector(rule.rule ?? DEFAULT_RULE)
  return clear.flatMap((place) => {
    const isOwn = own(place)
    if (!isOwn && !ruled(place)) return []
    const where = place.at === undefined ? {} : positionAt(source.text, place.at.start)
    const who = isOwn
      ? `the file has ${selectorText(metadata.rule)}`
      : `its rule in .sops.yaml has ${selectorText(rule?.rule ?? DEFAULT_RULE)}`
    const message = `the value at ${placeName(place)} stands in clear in an encrypted file, though ${who}`
    return [
      finding('sops/partly', path, message, {
        ...where,
        hint: 'Encrypt the file again, with `gitops encrypt` or `gitops edit`; a value that was committed in clear is known: change it.',
      }),
    ]
  })
}

function neverMatches(path: string, { rule }: Metadata): Finding {
  return finding(
    'sops/never-matches',
    path,
    `${selectorText(rule)} matches nothing in this file: all of it stands in clear under a block of SOPS`,
    {
      hint: 'Correct the selector in .sops.yaml, and encrypt the file again.',
    },
  )
}

/** Where the file is not as its rule would have it now. */
function asRuled(path: string, { source, format }: Loaded, metadata: Metadata, rule: CreationRule): Finding[] {
  return differences(rule, metadata, format === 'binary').map(({ kind, who, message }) => {
    const at = kind === 'injected' && who !== undefined ? source.text.indexOf(who) : -1
    const where = at === -1 ? {} : positionAt(source.text, at)
    if (kind === 'selector' || kind === 'mac')
      return finding('sops/differs', path, message, { severity: 'warning', hint: 'Encrypt the file again, or change the rule.' })
    return finding('sops/recipients', path, message, { ...where, hint: HINTS[kind] })
  })
}

const HINTS = {
  injected:
    'Find out who put it there; `gitops rotate -i --rm-age` takes it out of the file under a new data key, and the secrets in it should be changed.',
  missing: 'Run `gitops rotate -i` or `sops updatekeys` on the file.',
  groups: 'Run `gitops rotate -i` on the file.',
} as const
