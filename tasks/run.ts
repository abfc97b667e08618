import type { ListrRendererFactory, ListrTask, ListrTaskWrapper } from 'listr2'
import type { Host } from '../lib/host/host.ts'
import type { Pulled } from '../lib/host/fetch.ts'
import type { Scan } from '../lib/host/live.ts'
import type { Repository } from '../lib/host/objects.ts'
import type { Status } from '../lib/host/store.ts'
import type { Config, SecretFile, Source, Target } from '../lib/model/config.ts'
import { asGitopsError, followed, GitopsError, type ErrorCode } from '../lib/model/errors.ts'
import { outcomeOf } from '../lib/model/outcome.ts'
import type { AbsPath, RelPath, Sha } from '../lib/model/path.ts'
import { counts, type Counts } from '../lib/model/counts.ts'
import { writes, type Plan } from '../lib/model/plan.ts'
import type { Generation, Inventory, OwnedSecret } from '../lib/model/state.ts'
import type { Owned, OwnedKeys, Tree } from '../lib/model/tree.ts'
import type { Objects } from './parts.ts'
import { reasonOf, type TargetOutcome, type UnitOutcome } from '../lib/model/verdict.ts'

/** A step of the story, as listr2 knows it. */
export type Step = ListrTask<Run, ListrRendererFactory, ListrRendererFactory>
/** What a step tells its news to: listr2 paints it. */
export type Teller = ListrTaskWrapper<Run, ListrRendererFactory, ListrRendererFactory>

/** One run: what is given (readonly) and what is learnt. */
export interface Run {
  readonly config: Config
  readonly host: Host
  readonly signal: AbortSignal
  readonly options: RunOptions
  /** Which of the config's text decides what is desired: part of every unit's digest. */
  readonly declaration: string
  inventory: Inventory
  status: Status
  units: Unit[]
  /** Sentences that no outcome carries, such as a state file set aside. */
  notes: string[]
  /** What went wrong outside of any unit. */
  failure: GitopsError | null
}

interface RunOptions {
  readonly fetch: boolean
  readonly allowShrink: boolean
  /** Whether all that has drifted is put back, whatever the config says about it. */
  readonly heal: boolean
  /** Whether what is held or waits is tried now. */
  readonly retry: boolean
  /** The one secret that this run is about; null for everything. */
  readonly only: string | null
  /** Commits that a parent process has pulled already, a source each. */
  readonly pulled: Readonly<Record<string, Sha>>
  /** The commit that the config was read from, when that is not what is on disk. */
  readonly configFrom: Sha | null
}

/** A source with all its targets: they come from one commit and go live, or back, together. */
export interface Unit {
  readonly name: string
  /** Null for targets that have left the config with their source. */
  readonly source: Source | null
  pulled: Pulled | null
  /** Where its objects are; null as long as nobody has looked. */
  repository: Repository | null
  /** The commit whose content is wanted: the pulled one, or the last applied one while the unit stands by. */
  commit: Sha | null
  /** How it ended with what was pulled, which is not applied; meanwhile drift is healed to what was applied last. Null while that is not so. */
  standingBy: UnitOutcome | null
  /** The plan for what was pulled, while the unit stands by and has another one. */
  refused: Pick<Unit, 'targets' | 'secrets'> | null
  desired: string
  why: Generation['why']
  targets: UnitTarget[]
  secrets: UnitSecret[]
  generation: Generation | null
  outcome: UnitOutcome | null
  /** What takes back what was done so far, in the order it was done: the user's tasks and the files. */
  undos: (() => Promise<void> | void)[]
  /** What its drift has been said to be. */
  told: readonly string[]
  /** What was planned for what checks had changed once the unit was live; null where they had changed nothing of ours. */
  again: Unit | null
  /** Paths that an undo left alone, because someone else wrote there after us. */
  left: readonly AbsPath[]
}

/** One target of a unit, with the three trees and what is to be done. */
export interface UnitTarget {
  readonly name: string
  /** Null for a target that left the config. */
  readonly target: Target | null
  readonly root: AbsPath
  readonly plan: Plan
  readonly scan: Scan
  readonly owned: Tree<Owned>
  readonly oids: ReadonlyMap<RelPath, Sha>
  /** What the inventory will say of our keys in co-owned documents. */
  readonly keys: ReadonlyMap<RelPath, OwnedKeys>
  readonly onRemove: 'restore' | 'leave'
  /** Directories that made room for us and come back. */
  readonly returning?: readonly RelPath[]
  /** Directories below the root that are ours after this plan; known once it is ordered. */
  directories?: readonly RelPath[]
}

/** Whether the pull moved the work tree that the config lies in, or would bring another config: then a new process must tell the rest of the story. */
export function moved(run: Run): boolean {
  return run.config.file !== null && run.units.some(({ pulled }) => pulled !== null && (pulled.moved || pulled.incoming !== null))
}

/** Whether an earlier run was killed in the middle of an apply. */
export function interrupted(run: Run): boolean {
  return run.host.store.journal() !== null
}

/** One secret file of a unit, and what is to be done about it. */
export interface UnitSecret {
  readonly name: string
  /** Null for one that left the config. */
  readonly secret: SecretFile | null
  /** The live file with links resolved above it, and the directory it lies in. */
  readonly key: AbsPath
  readonly root: AbsPath
  /** What it is made of in the source; null for one that left the config, or is planned without the source. */
  readonly objects: Objects | null
  readonly plan: Plan
  readonly scan: Scan
  /** What the inventory will say of it; null when it is no longer ours. */
  readonly after: OwnedSecret | null
  /** Its place, where a directory made room for us there and comes back. */
  readonly returning?: readonly RelPath[]
}

/** What the config calls it: a document in which no secret of ours is has a name of its own. */
export function kindOf({ secret, after }: UnitSecret): 'secret' | 'document' {
  return secret?.from === null || after?.parts?.cipher === null ? 'document' : 'secret'
}

/** A target or a secret of a unit. */
export type Planned = UnitTarget | UnitSecret

/** Everything of a unit that has a plan. */
export function planned(unit: Pick<Unit, 'targets' | 'secrets'>): readonly Planned[] {
  return [...unit.targets, ...unit.secrets]
}

/** Whether a unit has something to write, or to decrypt to know. */
export function changes(unit: Unit): boolean {
  const returns = planned(unit).some(({ returning = [] }) => returning.length > 0)
  return (
    returns || planned(unit).some(({ plan }) => writes(plan.changes).length > 0 || plan.changes.some((change) => change.kind === 'decrypt'))
  )
}

/** Notes how a unit ended with an error. What is recorded here decides; a throw only paints. */
export function fail(unit: Unit, error: unknown, code: ErrorCode = 'io'): GitopsError {
  const known = asGitopsError(error, code)
  unit.outcome ??= {
    source: unit.name,
    kind: outcomeOf(known.code),
    reason: reasonOf(known.code),
    message: known.hint === undefined ? known.message : followed(known.message, known.hint.replace(/\.$/, '')),
    revision: unit.pulled === null ? null : (unit.commit ?? unit.pulled.commit),
    targets: targetOutcomes(unit, false),
    error: known,
  }
  return known
}

/** What each target of a unit had to do; with `done` false, nothing came of it. */
export function targetOutcomes(unit: Unit, done = true): TargetOutcome[] {
  const counted = (plan: Plan): Counts => counts(done ? plan.changes : [])
  const targets = unit.targets.map(({ name, root, plan }) => ({ name, kind: 'target' as const, to: root, ...counted(plan) }))
  const secrets = unit.secrets.map((secret) => ({ name: secret.name, kind: kindOf(secret), to: secret.key, ...counted(secret.plan) }))
  return [...targets, ...secrets]
}

/** A step that belongs to no unit: its error is the run's. */
export function outside(run: Run, tell: (task: Teller) => unknown): NonNullable<Step['task']> {
  return async (_, task) => {
    try {
      await tell(task)
    } catch (error) {
      run.failure = asGitopsError(error)
      throw run.failure
    }
  }
}

/** Units that this run has written and not yet committed. */
export function opened(run: Run): Unit[] {
  return run.units.filter((unit) => unit.generation !== null && unit.outcome === null)
}
