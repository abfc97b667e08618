import { excerptOf, type Excerpt } from '../lib/gate/excerpt.ts'
import { listTree } from '../lib/host/objects.ts'
import { untrackedFiles, type JudgedTree } from '../lib/host/judged-tree.ts'
import type { Machine } from '../lib/host/machine.ts'
import type { Config } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { finding, ordered, type Finding } from '../lib/model/finding.ts'
import type { RelPath } from '../lib/model/path.ts'
import { withoutAllowed } from './gate-allow.ts'
import { addedSince } from './gate-leaks.ts'
import { LAST, READINGS, RULES } from './gate-rules.ts'
import { contentOf, takenBy, type Gate } from './judging.ts'
import { ownSources } from './own-sources.ts'

/** What is given to the gate. */
export interface GateRequest {
  readonly config: Config | null
  readonly machine: Machine
  readonly judged: JudgedTree
  readonly signal: AbortSignal
  /** The source that this repository is, where it is not to be found out; null otherwise. */
  readonly source: string | null
}

/** What the gate has found. */
export interface Judgement {
  readonly findings: readonly Finding[]
  /** The line of the file that a finding is about, where it may be shown. */
  readonly excerpts: ReadonlyMap<Finding, Excerpt>
  /** What was not judged, and why: sentences for people. */
  readonly notes: readonly string[]
  /** How many files the tree has, and how many of them were read. */
  readonly files: number
  readonly read: number
}

/** Judges a tree. Nothing is written, fetched or decrypted to a place; no key is needed. Throws what keeps the tree from being read at all. */
export async function judge(request: GateRequest): Promise<Judgement> {
  const notes: string[] = []
  const { config, judged, signal } = request
  const { entries, unreadable } = await listing(judged, signal)
  const own = config === null ? { names: [], findings: [] } : await ownSources(config, judged, request.source)
  const gate: Gate = {
    ...request,
    entries,
    added: await addedSince(judged, entries, signal),
    sources: own.names,
    targets: config === null ? [] : takenBy(config, own.names, entries),
    secrets: config?.secrets.filter((secret) => own.names.includes(secret.source)) ?? [],
    looksAt: (path) => judged.changed === null || judged.changed.has(path),
    say: (sentence) => void (notes.includes(sentence) || notes.push(sentence)),
  }
  skipped(gate)
  await passedOver(gate)
  const findings: Finding[] = [...unreadable, ...own.findings]
  for (const rule of RULES) findings.push(...(await rule(gate)))
  const read = await readAll(gate, findings)
  for (const rule of LAST) findings.push(...(await rule(gate, findings)))
  const known = ordered(withoutAllowed(gate, findings))
  return { findings: known, excerpts: await excerpts(gate, known), notes, files: entries.length, read }
}

/** Every file of the tree; a tree with names that no safe tree has is not judged any further. */
async function listing(
  { repository, tree }: JudgedTree,
  signal: AbortSignal,
): Promise<{ readonly entries: Gate['entries']; readonly unreadable: readonly Finding[] }> {
  try {
    return { entries: (await listTree(repository, tree, null, signal)) ?? [], unreadable: [] }
  } catch (error) {
    if (!(error instanceof GitopsError) || error.code !== 'hostile') throw error
    return { entries: [], unreadable: [finding('tree/name', null, error.message, { hint: 'Nothing else of this tree was judged.' })] }
  }
}

/** More lines than this nobody reads. */
const SHOWN = 200

/** The lines that findings are about. Of a file in which secrets were found, or should be, none is shown. */
async function excerpts(gate: Gate, findings: readonly Finding[]): Promise<ReadonlyMap<Finding, Excerpt>> {
  const secret = new Set(findings.flatMap(({ rule, path }) => (/^(?:leak|sops)\//.test(rule) ? [path] : [])))
  const wanted = findings.filter(({ path, line, commit }) => line !== null && commit === null && !secret.has(path)).slice(0, SHOWN)
  const paths = new Set(wanted.map(({ path }) => path))
  const shown = new Map<Finding, Excerpt>()
  const entries = gate.entries.filter(({ path, type }) => type !== 'link' && paths.has(path))
  for await (const [{ path }, bytes] of contentOf(gate, entries)) {
    const text = bytes.toString('utf8')
    for (const each of wanted) {
      const excerpt = each.path === path && each.line !== null ? excerptOf(text, each.line, each.column) : null
      if (excerpt !== null) shown.set(each, excerpt)
    }
  }
  return shown
}

/** Reads each file once, for all readers that want it. */
async function readAll(gate: Gate, findings: Finding[]): Promise<number> {
  const readers = (await Promise.all(READINGS.map(async (reading) => reading(gate)))).filter((reader) => reader !== null)
  const wanted = gate.entries.filter((entry) => readers.some((reader) => reader.wants(entry)))
  for await (const [entry, bytes] of contentOf(gate, wanted))
    for (const reader of readers) if (reader.wants(entry)) findings.push(...(await reader.judge(entry, bytes)))
  for (const reader of readers) findings.push(...((await reader.end?.()) ?? []))
  return wanted.length
}

/** Sources that are elsewhere are not fetched. */
function skipped({ config, sources, say }: Gate): void {
  const others = config?.sources.filter(({ name }) => !sources.includes(name)) ?? []
  if (sources.length > 0 && others.length > 0)
    say(
      `not judged: ${others.map(({ name }) => name).join(', ')}, which ${others.length === 1 ? 'is another repository' : 'are other repositories'}`,
    )
}

/** What Git does not know is in no commit: whoever forgot to add it hears so. */
async function passedOver({ judged, targets, say }: Gate): Promise<void> {
  if (targets.length === 0) return
  const forgotten = (await untrackedFiles(judged)).filter((path) =>
    targets.some(({ target }) => {
      const prefix = target.from === null ? '' : `${target.from}/`
      return path.startsWith(prefix) && target.accepts(path.slice(prefix.length) as RelPath)
    }),
  )
  const [first] = forgotten
  if (first === undefined) return
  const rest = forgotten.length === 1 ? 'which is' : `and ${forgotten.length - 1} more, which are`
  say(`not judged: ${JSON.stringify(first)}, ${rest} not tracked; git add it if it is to go live`)
}
