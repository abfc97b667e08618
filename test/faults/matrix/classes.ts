/** Where a case may end. */
export type End = 'old' | 'new'

/** What is under way when the fault comes. */
export interface Story {
  readonly name: string
  /** The same, in the table of docs/recovery.md. */
  readonly title: string
  /** Whether the new revision passes its check. */
  readonly good: boolean
  /** The kept state of a lane that it begins with. */
  readonly from: string
  readonly args: readonly string[]
  /** How the files are before it, and after it when nothing disturbs it. */
  readonly before: End | 'between'
  readonly after: End
  /** Where it may end when it was disturbed and a reconcile came after it. */
  readonly ends: readonly End[]
}

const reconcile = ['reconcile']

export const STORIES: readonly Story[] = [
  { name: 'apply', title: 'a reconcile', good: true, from: 'old', args: reconcile, before: 'old', after: 'new', ends: ['new'] },
  {
    name: 'bad',
    title: 'a bad revision that is rolled back',
    good: false,
    from: 'old',
    args: reconcile,
    before: 'old',
    after: 'old',
    ends: ['old'],
  },
  {
    name: 'rollback',
    title: '`gitops rollback`',
    good: true,
    from: 'new',
    args: ['rollback'],
    before: 'new',
    after: 'old',
    ends: ['old', 'new'],
  },
  {
    name: 'recovery',
    title: 'the recovery of a killed reconcile',
    good: true,
    from: 'killed',
    args: reconcile,
    before: 'between',
    after: 'new',
    ends: ['new'],
  },
  {
    name: 'again',
    title: 'the recovery of a killed rollback',
    good: true,
    from: 'half',
    args: reconcile,
    before: 'between',
    after: 'old',
    ends: ['old'],
  },
]

/** The errors that the system may give to a call. EMFILE: no more open files. */
const ERRORS = ['EACCES', 'EIO', 'EMFILE', 'ENOSPC', 'EROFS'] as const

/** What a fault does to a call: the process is killed, or the call fails. */
export const FAULTS = ['KILL', ...ERRORS] as const
