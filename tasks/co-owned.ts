import { fingerprint, readLive, realPath, sameStat, statOf, type Stats } from '../lib/host/live.ts'
import { encodeEdits } from '../lib/model/edit-list.ts'
import { dropped, merge, type Edit } from '../lib/model/edits.ts'
import { followed, GitopsError } from '../lib/model/errors.ts'
import { at, equal, pointer } from '../lib/model/json.ts'
import { answerAt, ruleAt, type CoOwnership } from '../lib/model/lists.ts'
import type { AbsPath, Digest, RelPath } from '../lib/model/path.ts'
import type { Change, StayingKey } from '../lib/model/plan.ts'
import type { OnDrift } from '../lib/model/policy.ts'
import type { Node, OwnedKeys, Stat } from '../lib/model/tree.ts'
import { said } from '../lib/documents/doubled.ts'
import { faultOf, oursIn } from './our-version.ts'
import { written } from './written.ts'
import { keepLast, keepPrior, lastOf, priorOf } from './prior.ts'
import type { Run } from './run.ts'

/** A document in which some keys are to be ours. */
export interface Document {
  readonly key: AbsPath
  readonly name: RelPath
  /** What we set in it, for sentences: `the secret`, `the source`; and which file of the source that is. */
  readonly ours: string
  readonly from: string
  readonly as: CoOwnership
  /** What we set may be a secret: its copies are sealed, and its keys' items not named. */
  readonly secret: boolean
  /** It holds a secret of ours: the file is for its owner alone. */
  readonly closed: boolean
  /** The permission bits of one that is not there yet, and whether others are put right. */
  readonly mode: number
  readonly modeMatters: boolean
  /** The kept copy of what is wanted; null takes all that is ours away, and puts back what it replaced. */
  readonly digest: Digest | null
  /** What becomes of our keys in it that somebody has changed, where the document's own rules do not say. */
  readonly onDrift: OnDrift
}

/** What we have applied to it: the kept copy, how the file looked then, and what the inventory says of our keys. */
export interface Known extends OwnedKeys {
  readonly digest: Digest
  readonly stat: Stat | null
}

/** What has to change in a co-owned document, and what is to be remembered of our keys in it. */
export interface CoOwned {
  /** Null when nothing that is ours differs. */
  readonly change: Change | null
  readonly keys: OwnedKeys
  /** The keys of ours that stay as somebody has changed them. */
  readonly stays?: readonly StayingKey[]
  /** Those that may neither stay nor be set again before somebody decides. */
  readonly refused?: readonly string[]
  /** For a document that holds a secret of ours and that others may read: what closes it and does nothing else. */
  readonly closing?: Change
}

/** Plans our keys in a co-owned document. One that does not parse is a conflict like any other: it keeps nothing else from being done. */
export async function coOwned(run: Run, document: Document, known: Known | null): Promise<CoOwned> {
  try {
    return await decided(run, document, known)
  } catch (error) {
    if (!(error instanceof GitopsError) || error.code !== 'conflict' || !error.message.startsWith(document.key)) throw error
    const said = error.message.slice(document.key.length)
    const [whole = '', line, column] = /^:(\d+):(\d+) /.exec(said) ?? []
    const reason = said.slice(whole.length).trim()
    const change: Change = {
      kind: 'conflict',
      path: document.name,
      reason: error.hint === undefined ? reason : followed(reason, error.hint.replace(/\.$/, '')),
      ...(line !== undefined && column !== undefined && { at: [Number(line), Number(column)] }),
      ...(known !== null && { drift: 'edited' as const }),
    }
    return { change, keys: keysOf(document, known) }
  }
}

function keysOf({ as }: Document, known: Known | null): OwnedKeys {
  return { as, prior: known?.prior ?? null, made: known?.made ?? false, mode: known?.mode ?? null }
}

/** Throws `conflict` for a document that does not parse. */
async function decided(run: Run, document: Document, known: Known | null): Promise<CoOwned> {
  const { key, name, as, digest } = document
  const keys = keysOf(document, known)
  const conflict = (reason: string): CoOwned => ({ change: { kind: 'conflict', path: name, reason }, keys })
  const stat = statOf(key)
  if (stat !== null && !stat.isFile()) return conflict(notAFile(document, stat))
  const open = stat !== null && isOpen(document, stat)
  if (stat !== null && !open && known !== null && isUntouched(document, known, stat)) return { change: null, keys }
  const { kept, documents } = run.host
  const text = stat === null ? '' : readLive(key).toString()
  const live = await documents.read(as, text, key)
  const wanted = digest === null ? undefined : await oursIn(run, document, digest, known?.digest ?? null)
  const fault = digest === null ? null : faultOf(document, live, wanted)
  if (fault !== null) return conflict(fault)
  // What was applied was written in the format of then.
  const applied =
    known === null ? undefined : await documents.read({ ...as, strategy: known.as.strategy }, kept.read(known.digest).toString(), key)
  const base = lastOf(run, applied, known)
  if (digest === null && known?.made === true && live !== undefined && equal(live, base))
    return { change: { kind: 'delete', path: name, before: nodeOf(run, document), drift: null, kept: false }, keys }
  // Where somebody has removed the whole document, nothing of before us is left.
  // What has gone with its document is not told apart by key.
  const answer = (path: readonly string[]): OnDrift =>
    stat === null || run.options.heal ? 'heal' : answerAt(as.onDrift, path, document.onDrift)
  const before = stat === null ? { values: new Map(), texts: new Map() } : priorOf(run, key, known)
  const merged = merge(base, wanted, live, before.values, (path) => answer(path) === 'keep')
  const { drift } = merged
  const { edits, replaced } = await written(run, document, merged, { text, live, before })
  const next: OwnedKeys = {
    as,
    prior: keepPrior(run, document, known, replaced),
    ...keepLast(run, document, merged.stays, base),
    ...(known === null || stat === null ? foundAs(stat) : { made: keys.made, mode: keys.mode }),
  }
  const mode = stat === null ? document.mode : modeAfter(document, known, stat)
  const stays = merged.stays
    .map(({ path, source }) => ({ key: shown(document, path), source }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
  if (edits.length === 0 && (stat === null || mode === bits(stat) || (digest !== null && !open))) return { change: null, keys: next, stays }
  const doubled = await documents.doubled(as, text, edits)
  const [twice] = doubled.values()
  if (twice !== undefined) return { change: { kind: 'conflict', path: name, reason: said(twice), at: [twice.line, twice.column] }, keys }
  const why = stat === null && known !== null ? 'missing' : drift.length > 0 ? 'edited' : edits.length === 0 ? 'mode' : null
  const theirs = edits.some(({ path, before }) => before !== undefined && !equal(at(base, path), before))
  const change: Change = {
    kind: 'edit',
    path: name,
    edits: keptEdits(run, document, edits),
    mode,
    modeBefore: stat === null ? null : bits(stat),
    created: stat === null,
    lock: as.lock,
    drift: why,
    kept: theirs,
    keys: drift.map(({ path }) => shown(document, path)),
    stays,
    ...(digest === null ? { owned: 0, dropped: 0 } : dropped(base, wanted)),
  }
  const refused = drift.filter(({ path }) => answer(path) === 'refuse').map(({ path }) => shown(document, path))
  if (!(open && known !== null && digest !== null)) return { change, keys: next, stays, refused }
  const closing: Change = { ...change, edits: keptEdits(run, document, []), drift: 'mode', kept: false, keys: [], stays: [] }
  return { change, keys: next, stays, refused, closing }
}

function bits({ mode }: Stats): number {
  return mode & 0o7777
}

function foundAs(stat: Stats | null): Pick<OwnedKeys, 'made' | 'mode'> {
  return stat === null ? { made: true, mode: null } : { made: false, mode: bits(stat) }
}

/** A document that we leave is as open again as we found it, unless somebody has changed that since. */
function modeAfter(document: Document, known: Known | null, stat: Stats): number {
  const now = bits(stat)
  const ours = (before: number): number => (document.closed ? before & 0o700 : document.modeMatters ? document.mode : before)
  if (document.digest !== null) return ours(now)
  return known !== null && known.mode !== null && now === ours(known.mode) ? known.mode : now
}

function nodeOf({ host: { kept } }: Run, { key, secret }: Document): Node {
  const mode = (statOf(key)?.mode ?? 0) & 0o7777
  return { kind: 'file', digest: secret ? kept.digestAt(key) : kept.keep(readLive(key)), mode }
}

function keptEdits(run: Run, { key, as, secret }: Document, edits: readonly Edit[]): Digest {
  const bytes = Buffer.from(encodeEdits({ as, edits }))
  return secret ? run.host.kept.keepSecret(bytes, key) : run.host.kept.keep(bytes)
}

/** Nobody has touched it since, and nothing new is wanted. */
function isUntouched({ digest, as }: Document, known: Known, stat: Stats): boolean {
  const same = known.stat !== null && sameStat(known.stat, fingerprint(stat))
  return same && known.last === undefined && known.digest === digest && JSON.stringify(known.as) === JSON.stringify(as)
}

function isOpen({ closed, mode, modeMatters }: Document, stat: Stats): boolean {
  return closed ? (stat.mode & 0o077) !== 0 : modeMatters && (stat.mode & 0o7777) !== mode
}

/** An item of a list is named by what it holds, which of a secret is not said. */
function shown({ secret, as }: Document, path: readonly string[]): string {
  const list = path.findIndex((_, depth) => ruleAt(as.lists, path.slice(0, depth)) !== 'whole')
  return pointer(secret && list >= 0 ? path.slice(0, list) : path)
}

/** Links are not followed: whoever made this one says where it leads, and may mean another file tomorrow. */
function notAFile({ key, secret }: Document, stat: Stats): string {
  if (!stat.isSymbolicLink()) return 'is not a file; move it away'
  const real = realPath(key)
  if (real === null) return 'is a link that leads nowhere; remove it'
  return secret
    ? `is a link, and links are not followed; give its secret the file itself, to: ${JSON.stringify(real)}, and the link may stay`
    : 'is a link, and links are not followed below a target; put the file itself there'
}
