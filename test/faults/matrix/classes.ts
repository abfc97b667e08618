/** Where a case may end. */
export type End = 'old' | 'new'

/**
 * Worlds: a new revision that passes its check, one that does not, a source that is a work tree in the home, a check that writes into our
 * files, and a history that keeps as little as it may.
 */
export type WorldName = 'good' | 'bad' | 'work tree' | 'meddling' | 'short history'

/** What is under way when the fault comes. */
export interface Story {
  readonly name: string
  /** The same, in the table of docs/recovery.md. */
  readonly title: string
  /** The world that it is told in. */
  readonly world: WorldName
  /** The kept state of a lane that it begins with. */
  readonly from: string
  /** `~` stands for the lane's home. */
  readonly args: readonly string[]
  /** The command that nobody disturbs afterwards, when it is not a reconcile. */
  readonly next?: readonly string[]
  /** What the old end is, when it is not the old revision: what stood there before us. */
  readonly old?: 'original'
  /** A check of it writes into our files: whoever takes it back leaves those alone, and says so. */
  readonly meddled?: true
  /** `npm test` tells little of it. */
  readonly rare?: true
  /** How the files are before it, and after it when nothing disturbs it. */
  readonly before: End | 'between'
  readonly after: End
  /** Where it may end when it was disturbed and a reconcile came after it. */
  readonly ends: readonly End[]
}

const reconcile = ['reconcile']
const uninstall = ['uninstall', '--yes']
const capture = ['capture', '~/.claude/agents/a.md']

export const STORIES: readonly Story[] = [
  { name: 'apply', title: 'a reconcile', world: 'good', from: 'old', args: reconcile, before: 'old', after: 'new', ends: ['new'] },
  {
    name: 'bad',
    title: 'a bad revision that is rolled back',
    world: 'bad',
    from: 'old',
    args: reconcile,
    before: 'old',
    after: 'old',
    ends: ['old'],
  },
  {
    name: 'rollback',
    title: '`gitops rollback`',
    world: 'good',
    from: 'new',
    args: ['rollback'],
    before: 'new',
    after: 'old',
    ends: ['old', 'new'],
  },
  {
    name: 'recovery',
    title: 'the recovery of a killed reconcile',
    world: 'good',
    from: 'killed',
    args: reconcile,
    before: 'between',
    after: 'new',
    ends: ['new'],
  },
  {
    name: 'again',
    title: 'the recovery of a killed rollback',
    world: 'good',
    from: 'half',
    args: reconcile,
    before: 'between',
    after: 'old',
    ends: ['old'],
  },
  {
    name: 'first',
    title: 'the very first run of a machine',
    world: 'good',
    from: 'never',
    args: reconcile,
    old: 'original',
    rare: true,
    before: 'old',
    after: 'new',
    ends: ['new'],
  },
  {
    name: 'original',
    title: '`gitops rollback --to original`',
    world: 'good',
    from: 'new',
    args: ['rollback', '--to', 'original'],
    old: 'original',
    rare: true,
    before: 'new',
    after: 'old',
    ends: ['old', 'new'],
  },
  {
    name: 'uninstall',
    title: '`gitops uninstall`, and once more',
    world: 'good',
    from: 'new',
    args: uninstall,
    next: uninstall,
    old: 'original',
    rare: true,
    before: 'new',
    after: 'old',
    ends: ['old'],
  },
  {
    name: 'capture',
    title: '`gitops capture` of a file, and once more',
    world: 'work tree',
    from: 'old',
    args: capture,
    next: capture,
    rare: true,
    before: 'old',
    after: 'new',
    ends: ['new'],
  },
  {
    name: 'meddling',
    title: 'a reconcile whose check writes into what it checks',
    world: 'meddling',
    from: 'old',
    args: reconcile,
    meddled: true,
    rare: true,
    before: 'old',
    after: 'new',
    ends: ['new'],
  },
  {
    name: 'collection',
    title: 'a reconcile that collects old generations',
    world: 'short history',
    from: 'old',
    args: reconcile,
    rare: true,
    before: 'old',
    after: 'new',
    ends: ['new'],
  },
]

/** The errors that the system may give to a call. EMFILE: no more open files. */
const ERRORS = ['EACCES', 'EIO', 'EMFILE', 'ENOSPC', 'EROFS'] as const

/** What a fault does to a call: the process is killed, or the call fails. */
export const FAULTS = ['KILL', ...ERRORS] as const
