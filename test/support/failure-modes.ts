/** How one way to break a naive `git pull` and `rsync` is answered here. */
export interface FailureMode {
  readonly number: number
  /** What goes wrong. */
  readonly failure: string
  /** The title of the test that covers it, the subject that it belongs to and that is not built yet, or why it cannot happen. */
  readonly covered: { readonly test: string } | { readonly later: string } | { readonly cannot: string }
}

const test = (title: string): FailureMode['covered'] => ({ test: title })
const later = (subject: string): FailureMode['covered'] => ({ later: subject })
const cannot = (why: string): FailureMode['covered'] => ({ cannot: why })

const ROWS: readonly (readonly [failure: string, covered: FailureMode['covered']])[] = [
  [
    "deletes an application's own files in the target",
    test('the application’s own files are never touched, neither their bytes nor their times'),
  ],
  [
    'an empty or failed checkout deletes everything',
    test('a source that is suddenly empty, or has lost its directory, deletes nothing without --allow-shrink'),
  ],
  [
    "prunes files that the user made in the target's directories",
    test('a directory of ours goes when it is empty, and stays while an application has files in it'),
  ],
  ['the first run has no last commit to compare with', test('a first reconcile brings the files, a second one has nothing to do')],
  ['no new commit, so drift is never corrected', test('drift is healed without a new commit, and what was there is kept')],
  [
    'drift is compared with the repository, not with what was applied last',
    test('drift that was healed in between does not stand in the way of a rollback'),
  ],
  [
    'the first run overwrites files that were there before',
    test('at first contact a different file is kept, replaced, and brought back by a rollback, with its permissions'),
  ],
  [
    'a file that an application writes too is replaced as a whole',
    test('at first contact diff tells what would be kept and what would be refused'),
  ],
  [
    'a state file is replaced by a decrypted copy',
    test('merging into a live document keeps every key of the application, through drift, rollbacks and removal'),
  ],
  [
    'writes race with a running application',
    test(
      "600 writes of an application and 50 reconciles that change our keys in its document lose no key of either, under the application's own lock",
    ),
  ],
  [
    'a set of files is not written as one',
    test('what refers comes after what is referred to: obstacles, directories, new files, changed files, deletions, emptied directories'),
  ],
  [
    'an application reads a half-written file',
    test('any plan, in a real directory, gives exactly the wanted tree, and undoing it gives exactly the old one'),
  ],
  ['a crash in the middle', test('a reconcile that is killed while it applies a bad revision ends in exactly the old tree')],
  [
    'plaintext lies about for a while',
    test('a secret file is decrypted into its place, private from its first byte, and a second run has nothing to do'),
  ],
  ["a secret's mode is wrong", test('a co-owned document that others could read is made private, also when its keys are ours already')],
  ['secrets linger in backups', test('a file that is there and differs is not replaced unasked, and what asks for it keeps a sealed copy')],
  [
    'a pointer to the backup at a fixed place in /tmp',
    cannot('state lies in a private directory of the user, 0700, and nothing of ours in /tmp'),
  ],
  [
    'the backup is a copy of the whole directory',
    test('undoing a step puts the old back, leaves what somebody wrote since, and does nothing twice'),
  ],
  ['validation comes after the sync', test('a validate check sees the whole candidate in a private stage before anything live changes')],
  [
    'drift is looked for in the bytes of some files only',
    test('new, changed, deleted, mode, type and binary are told apart, line by line'),
  ],
  [
    'the smoke test passes whatever the configuration',
    test('a change that leaves Claude Code without one of its files is rolled back: the smoke check sees what is live'),
  ],
  [
    'exit codes of the application are trusted',
    test("what claude doctor says of our files refuses a revision, and what it says of an organization's is a warning"),
  ],
  [
    'the smoke test changes what it tests',
    test('what a smoke check does to our files is put back before the run ends, and kept; an application file it makes stays'),
  ],
  [
    'after a rollback the same commit is applied again',
    test('a failing smoke check rolls everything back, and the next run does not apply the revision again'),
  ],
  [
    'files are rolled back and the record of the commit is not',
    test('a held revision is shown with its reason, and what is live is the one before it'),
  ],
  ['the rollback itself fails half-way', test('a recovery that is killed itself, twice in a row, is finished by the run after it')],
  ['two runs at once', test('two runs at once, 20 times over, both end well and are never inside together')],
  ['a killed run leaves its lock', test('the lock of a process that is gone is taken over at once')],
  ['a force-pushed branch', test('over a rewritten history, and it is said')],
  ['a dirty work tree', test('what lies in the work tree is never applied, only what is committed')],
  ['a diverged local branch', test('diverged: the local tip is wanted, nothing moves, and status says so')],
  ['content that nobody has signed', later('trusted signers')],
  ['links in the source or in the target', test('a link below a target’s root is never followed: the plan is refused')],
  ['tricks with paths', test('every name that Git can hold arrives, is drift-checked, updated, rolled back and deleted')],
  [
    'a change is missed because size and time are equal',
    test('what a smoke check itself writes into our files is put back by the same run, and said'),
  ],
  [
    'executable bits and modes drift',
    test('new files get the permissions that the umask gives, executable files are executable, and declared modes are exact'),
  ],
  ['something hangs', test('a server that accepts and never answers is given up at the deadline')],
  ['the environment of a scheduled job differs', later('the doctor and the scheduled service')],
  [
    'a failed decryption leaves an empty file',
    test('without an identity that opens it nothing is written, and the sentence says whose it is and which were tried'),
  ],
  ['a recipient is added or removed', later('the team: members and their keys')],
  [
    'silence when the script itself dies',
    test('each run is a process of its own: it sees a changed config, and outlives a broken one and a run that crashed'),
  ],
  ['the audit log is appended to without care', test('twelve processes that write at the same time never mix their lines')],
  ['the disk is full or read-only', test('a target that fills up ends with exit 1 and exactly the old tree')],
  ['paths differ from machine to machine', test('a function is given host, home, platform and env, and may be asynchronous')],
  ['the application reads another file than the one written', test('CLAUDE_CONFIG_DIR moves the target, as it moves Claude Code')],
  [
    "an application's plugins are synced as files",
    test(
      "a team's configuration is put where Claude Code reads it, with scripts that can be run, and what Claude Code keeps beside it stays",
    ),
  ],
  [
    'an update arrives in the middle of a session',
    test('nothing is written while a session of Claude Code runs, and a session that goes on is nobody’s fault'),
  ],
]

/** The 47 rows, in their usual order. */
export const failureModes: readonly FailureMode[] = ROWS.map(([failure, covered], index) => ({ number: index + 1, failure, covered }))

/** The page `docs/failure-modes.md`. */
export function failureModesPage(): string {
  const row = ({ number, failure, covered }: FailureMode): string => {
    const answer =
      'test' in covered ? `test: *${covered.test}*` : 'later' in covered ? `later: ${covered.later}` : `cannot happen: ${covered.cannot}`
    return `| ${number} | ${failure} | ${answer} |`
  }
  return `# Failure modes

Ways in which \`git pull\` and \`rsync --delete\` in a loop lose data, and what is done about each. Generated by \`npm run docs\`.

| # | what goes wrong | here |
|--:|---|---|
${failureModes.map(row).join('\n')}
`
}
