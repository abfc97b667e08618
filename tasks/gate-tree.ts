import { collisions, contentFaults, foldsNames, linkFaults, type TreeFault } from '../lib/gate/tree.ts'
import { asGitopsError } from '../lib/model/errors.ts'
import { finding, type Finding, type Severity } from '../lib/model/finding.ts'
import type { RelPath } from '../lib/model/path.ts'
import type { Gate, GateTarget, Reader } from './judging.ts'
import { refuseOurOwn } from './own-place.ts'
import { treeFaults } from './wanted.ts'

/** What of the tree no target can hold: the same that a reconcile refuses. */
export function treeRule(gate: Gate): Finding[] {
  return gate.targets.flatMap((each) => [...inTarget(gate, each), ...namesTwice(gate, each), ...places(gate, each)])
}

function inTarget({ config, looksAt }: Gate, { target, entries, at }: GateTarget): Finding[] {
  if (config === null) return []
  const looked = entries.filter(({ path }) => looksAt(at(path)))
  return treeFaults(config, target, looked).map((fault) => inRepository(fault, at))
}

/** A config says for which hosts it is, but who joins tomorrow may have another one. */
function namesTwice({ machine }: Gate, { entries, at }: GateTarget): Finding[] {
  const folds = foldsNames(machine.platform)
  const severity = folds ? 'error' : 'warning'
  return collisions(entries, folds ? undefined : 'on macOS and Windows').map((fault) => inRepository(fault, at, severity))
}

function places({ config }: Gate, { target, entries, at, there }: GateTarget): Finding[] {
  if (config === null) return []
  if (!there)
    return [
      finding('config/path', null, `target ${target.name}: there is no directory ${JSON.stringify(target.from)}`, {
        hint: `Mend targets.${target.name}.from in the config, or commit that directory.`,
      }),
    ]
  try {
    refuseOurOwn(config, target, target.to, entries)
    return []
  } catch (error) {
    const { code, message, hint = null, paths } = asGitopsError(error)
    const [path] = paths
    return [
      finding(code === 'config' ? 'config/invalid' : 'tree/place', path === undefined ? null : at(path as RelPath), message, { hint }),
    ]
  }
}

/** Every file that the config declares for a secret or a document is there. */
export function secretRule({ secrets, entries }: Gate): Finding[] {
  return secrets.flatMap(({ name, place, from, plain, optional }) => [
    ...missing(entries, from, `secret ${name}`, place),
    ...missing(entries, plain, `document ${name}`, place, optional),
  ])
}

function missing(entries: Gate['entries'], wanted: RelPath | null, noun: string, place: string, optional = false): Finding[] {
  const entry = entries.find(({ path }) => path === wanted)
  if (wanted === null || (entry === undefined && optional)) return []
  if (entry === undefined)
    return [
      finding('config/path', null, `${noun}: there is no file ${JSON.stringify(wanted)}`, {
        hint: `Mend ${place}.from in the config, or commit that file.`,
      }),
    ]
  const isFile = entry.type === 'file' || entry.type === 'executable'
  return isFile ? [] : [finding('config/path', wanted, `${noun}: ${JSON.stringify(wanted)} is not a regular file`)]
}

/** Files that must not be copied as they are. */
export function contentReader({ targets, looksAt }: Gate): Reader {
  const takers = byPath(targets)
  return {
    wants: ({ path, type }) => (type === 'file' || type === 'executable') && takers.has(path) && looksAt(path),
    judge: ({ path }, bytes) =>
      (takers.get(path) ?? []).flatMap(([{ at }, inside]) => contentFaults(inside, bytes).map((fault) => inRepository(fault, at))),
  }
}

/** Links, each walked through all others. */
export function linkReader({ targets }: Gate): Reader {
  const takers = byPath(targets)
  const links = new Map<GateTarget, Map<RelPath, string>>()
  return {
    wants: ({ path, type }) => type === 'link' && takers.has(path),
    judge({ path }, bytes) {
      for (const [taker, inside] of takers.get(path) ?? []) {
        const known = links.get(taker) ?? new Map<RelPath, string>()
        links.set(taker, known.set(inside, bytes.toString()))
      }
      return []
    },
    end: () => [...links].flatMap(([{ at }, texts]) => linkFaults(texts).map((fault) => inRepository(fault, at))),
  }
}

/** Which targets take a path of the repository, and what it is called in each. */
function byPath(targets: readonly GateTarget[]): ReadonlyMap<RelPath, readonly (readonly [GateTarget, RelPath])[]> {
  const takers = new Map<RelPath, (readonly [GateTarget, RelPath])[]>()
  for (const target of targets)
    for (const { path } of target.entries) takers.set(target.at(path), [...(takers.get(target.at(path)) ?? []), [target, path]])
  return takers
}

function inRepository({ rule, path, message, hint }: TreeFault, at: GateTarget['at'], severity: Severity = 'error'): Finding {
  return finding(rule, at(path), message, { hint, severity })
}
