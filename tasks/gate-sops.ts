import { judgeClear, isSealed, mayBeClear } from '../lib/gate/sops-clear.ts'
import { judgeEncrypted } from '../lib/gate/sops-file.ts'
import { isPolicy, picks, readPolicies, ruleAt, type Policies } from '../lib/gate/sops-policies.ts'
import { openForGate, valueSearch, type Origin } from '../lib/gate/secret-values.ts'
import type { Needle } from '../lib/gate/needles.ts'
import { isCalledEncrypted } from '../lib/gate/twins.ts'
import { findIdentities } from '../lib/host/identities.ts'
import type { TreeEntry } from '../lib/host/objects.ts'
import { isEncrypted } from '../lib/model/config.ts'
import type { Finding } from '../lib/model/finding.ts'
import type { AgeIdentity } from '../lib/secrets/age.ts'
import { atHand } from '../lib/secrets/at-hand.ts'
import { formatOf } from '../lib/secrets/sops/file-format.ts'
import { looksEncrypted } from '../lib/secrets/sops/sniff.ts'
import { trackedTwins } from './gate-twins.ts'
import { contentOf, type Gate, type Reader } from './judging.ts'

/** What is learnt of secrets while files are read. */
interface Learnt {
  /** Encrypted files, and the places of what is encrypted in them. */
  readonly encrypted: Map<string, ReadonlySet<string>>
  readonly needles: Needle<Origin>[]
  /** Encrypted files for which there is no key. */
  closed: number
  keys: Promise<readonly AgeIdentity[]> | null
}

/** Judges what should be encrypted, and looks for what it holds in files in clear. */
export async function sopsReader(gate: Gate): Promise<Reader> {
  const files = gate.entries.filter(isFile)
  const rules: [string, Buffer][] = []
  for await (const [{ path }, bytes] of contentOf(
    gate,
    files.filter(({ path }) => isPolicy(path)),
  ))
    rules.push([path, bytes])
  const { policies, findings } = await readPolicies(rules)
  const learnt: Learnt = { encrypted: new Map(), needles: [], closed: 0, keys: null }
  const declared = new Set<string>(gate.secrets.filter(isEncrypted).map(({ from }) => from))
  const rulesChanged = rules.some(([path]) => gate.judged.changed?.has(path as TreeEntry['path']) === true)
  const isCandidate = (path: string): boolean => declared.has(path) || isCalledEncrypted(path) || must(policies, path)
  return {
    wants: (entry) => isFile(entry) && !isPolicy(entry.path) && (gate.looksAt(entry.path) || isCandidate(entry.path)),
    async judge({ path }, bytes) {
      const found = await judgeFile(gate, { path, bytes, policies, isDeclared: declared.has(path), learnt })
      return gate.looksAt(path) || rulesChanged ? found : []
    },
    async end() {
      if (learnt.closed > 0)
        gate.say(
          learnt.closed === 1
            ? 'not judged: whether 1 encrypted file opens, and whether values of it stand elsewhere in clear; no key for it is at hand'
            : `not judged: whether ${learnt.closed} encrypted files open, and whether values of them stand elsewhere in clear; no key for them is at hand`,
        )
      return [...findings, ...(await trackedTwins(gate, learnt.encrypted)), ...(await valuesInClear(gate, learnt.needles))]
    },
  }
}

interface Judged {
  readonly path: string
  readonly bytes: Buffer
  readonly policies: Policies
  readonly isDeclared: boolean
  readonly learnt: Learnt
}

async function judgeFile(gate: Gate, { path, bytes, policies, isDeclared, learnt }: Judged): Promise<readonly Finding[]> {
  const rule = ruleAt(policies, path)
  const file = looksEncrypted(bytes) ? await judgeEncrypted(path, bytes, rule) : null
  if (file === null) {
    if (isSealed(bytes)) learnt.encrypted.set(path, new Set())
    else if (isDeclared || (bytes.length > 0 && must(policies, path))) {
      const clear = await judgeClear(path, bytes, isDeclared ? null : rule)
      return clear === null ? [] : [clear]
    }
    return []
  }
  // A program, or a page, may speak of encrypted files and be none.
  if (file.metadata === null && formatOf(path) === 'binary' && !isDeclared && !isCalledEncrypted(path)) return []
  learnt.encrypted.set(path, file.places)
  if (file.metadata === null) return file.findings
  learnt.keys ??= keysAtHand(gate)
  const opened = await openForGate(path, bytes, file.metadata, await learnt.keys)
  learnt.needles.push(...opened.needles)
  if (!opened.opened) learnt.closed += 1
  // What stands in clear is said already, with its place.
  const isPartly = file.findings.some(({ rule: id }) => id === 'sops/partly')
  return [...file.findings, ...opened.findings.filter(({ rule: id }) => !(isPartly && id === 'sops/mac'))]
}

/** Whether a rule picks a path out, so that it must be encrypted. */
function must(policies: Policies, path: string): boolean {
  const rule = ruleAt(policies, path)
  return rule !== null && picks(rule) && !mayBeClear(path)
}

/** No command is run for a key, and nobody is asked. */
async function keysAtHand({ machine, config }: Gate): Promise<readonly AgeIdentity[]> {
  return (await atHand(await findIdentities(machine, { files: config?.identities ?? [] }))).keys
}

/** Reads the files once more, now that all values are known; a value is no less known in a binary or a long one. */
async function valuesInClear(gate: Gate, needles: readonly Needle<Origin>[]): Promise<Finding[]> {
  if (needles.length === 0) return []
  const search = valueSearch(needles)
  const scans = gate.config?.gate.scans ?? (() => true)
  const tree = gate.entries
    .filter((entry) => isFile(entry) && gate.looksAt(entry.path))
    .map(({ path, oid, type }) => ({ path, oid, type, commit: null }))
  const findings: Finding[] = []
  for await (const [of, bytes] of contentOf<TreeEntry & { commit: string | null }>(
    gate,
    [...tree, ...gate.added].filter(({ path }) => scans(path)),
  ))
    findings.push(...search(of, bytes))
  return findings
}

function isFile({ type }: TreeEntry): boolean {
  return type === 'file' || type === 'executable'
}
