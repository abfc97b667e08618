import { expect, test } from 'vitest'
import { absPath, digest, relPath, sha, type Digest } from '../../lib/model/path.ts'
import { counts, shrinksTooMuch } from '../../lib/model/counts.ts'
import { plan, writes, type Change } from '../../lib/model/plan.ts'
import type { Adopt, OnDrift } from '../../lib/model/policy.ts'
import type { Owned, Present, Wanted } from '../../lib/model/tree.ts'

const of = (letter: string): Digest => digest(`sha256:${letter.repeat(64)}`)
const stat = { size: 1, mtime: 1, ctime: 1, ino: 1 }
const want = (letter: string, more: Partial<Wanted> = {}): Wanted => ({
  kind: 'file',
  digest: of(letter),
  executable: false,
  mode: null,
  content: { kind: 'git', source: 's', oid: sha('0'.repeat(40)) },
  ...more,
})
const own = (letter: string, more: Partial<Owned> = {}): Owned => ({
  kind: 'file',
  digest: of(letter),
  executable: false,
  mode: null,
  oid: null,
  stat: null,
  ...more,
})
const file = (letter: string, mode = 0o644): Present => ({ kind: 'file', digest: of(letter), mode, stat })
const link = (letter: string): Present => ({ kind: 'link', digest: of(letter), stat })
const ours: Present = { kind: 'directory', foreign: null }
const theirs: Present = { kind: 'directory', foreign: 'p/theirs' }

interface Case {
  readonly wanted?: Wanted
  readonly owned?: Owned
  readonly present?: Present
  readonly refuse?: string
  readonly policy?: Partial<{ onDrift: OnDrift; adopt: Adopt; letsGo: boolean; rests: boolean }>
}

const P = relPath('p')
const decide = ({ wanted, owned, present, refuse, policy = {} }: Case): Change | null =>
  plan({
    target: 't',
    root: absPath('/base'),
    wanted: new Map(wanted && [[P, wanted]]),
    owned: new Map(owned && [[P, owned]]),
    present: new Map(present && [[P, present]]),
    refuseFirstContact: () => refuse ?? null,
    policy: {
      onDrift: () => policy.onDrift ?? 'heal',
      adopt: () => policy.adopt ?? 'careful',
      letsGo: () => policy.letsGo ?? false,
      rests: () => policy.rests ?? false,
    },
  }).changes[0] ?? null

/** A change in few words. */
const told = (change: Change | null): string => {
  if (change === null) return 'nothing'
  const words: string[] = [change.kind]
  if (change.kind === 'stay') words.push(change.why)
  if ('drift' in change && change.drift != null) words.push(change.drift)
  if (change.kind === 'stay' && change.news) words.push('news')
  if ('kept' in change && change.kept) words.push('kept')
  if ('first' in change && change.first) words.push('first')
  return words.join(' ')
}

test.for<[string, Case, string]>([
  // wanted, not owned
  ['wanted, absent', { wanted: want('a') }, 'create'],
  ['wanted, equal file there', { wanted: want('a'), present: file('a') }, 'adopt'],
  ['wanted, equal file there with other permissions', { wanted: want('a'), present: file('a', 0o600) }, 'adopt'],
  ['wanted, equal file there but executable', { wanted: want('a'), present: file('a', 0o755) }, 'update kept first'],
  ['wanted, other file there', { wanted: want('a'), present: file('b') }, 'update kept first'],
  ['wanted, link there', { wanted: want('a'), present: link('a') }, 'update kept first'],
  ['wanted link, equal link there', { wanted: want('a', { kind: 'link' }), present: link('a') }, 'adopt'],
  ['wanted, other file there that may not be taken over', { wanted: want('a'), present: file('b'), refuse: 'no' }, 'conflict'],
  ['wanted, equal file there that another config owns', { wanted: want('a'), present: file('a'), refuse: 'no' }, 'conflict'],
  ['wanted, absent, but another config owns it', { wanted: want('a'), refuse: 'no' }, 'conflict'],
  ['wanted, socket there', { wanted: want('a'), present: { kind: 'special' } }, 'conflict'],
  ['wanted, directory of ours there', { wanted: want('a'), present: ours }, 'create'],
  ['wanted, directory of an application there', { wanted: want('a'), present: theirs }, 'conflict'],
  ['wanted, below a link', { wanted: want('a'), present: { kind: 'blocked', by: relPath('l'), link: true } }, 'conflict'],
  ['wanted, below a file', { wanted: want('a'), present: { kind: 'blocked', by: relPath('l'), link: false } }, 'conflict'],
  // wanted and owned, the same
  ['unchanged', { wanted: want('a'), owned: own('a'), present: file('a') }, 'nothing'],
  ['unchanged, but gone', { wanted: want('a'), owned: own('a') }, 'create missing'],
  ['unchanged, but edited', { wanted: want('a'), owned: own('a'), present: file('b') }, 'update edited kept'],
  ['unchanged, but made executable', { wanted: want('a'), owned: own('a'), present: file('a', 0o755) }, 'update mode'],
  ['unchanged, but other permissions', { wanted: want('a'), owned: own('a'), present: file('a', 0o600) }, 'nothing'],
  [
    'unchanged with a declared mode, but other permissions',
    { wanted: want('a', { mode: 0o600 }), owned: own('a', { mode: 0o600 }), present: file('a') },
    'update mode',
  ],
  ['unchanged, but a link now', { wanted: want('a'), owned: own('a'), present: link('b') }, 'update type kept'],
  ['unchanged, but an empty directory now', { wanted: want('a'), owned: own('a'), present: ours }, 'create type'],
  ['unchanged, but a directory with files now', { wanted: want('a'), owned: own('a'), present: theirs }, 'conflict'],
  ['unchanged, but a pipe now', { wanted: want('a'), owned: own('a'), present: { kind: 'special' } }, 'conflict'],
  [
    'unchanged, refused only at first contact',
    { wanted: want('a'), owned: own('a'), present: file('b'), refuse: 'no' },
    'update edited kept',
  ],
  // wanted and owned, new content
  ['new content', { wanted: want('b'), owned: own('a'), present: file('a') }, 'update'],
  ['new content, gone', { wanted: want('b'), owned: own('a') }, 'create missing'],
  ['new content, edited', { wanted: want('b'), owned: own('a'), present: file('c') }, 'update edited kept'],
  ['new content, somebody had it first', { wanted: want('b'), owned: own('a'), present: file('b') }, 'adopt'],
  ['newly executable', { wanted: want('a', { executable: true }), owned: own('a'), present: file('a') }, 'update'],
  ['a file becomes a link', { wanted: want('b', { kind: 'link' }), owned: own('a'), present: file('a') }, 'update'],
  ['a mode is newly declared and already so', { wanted: want('a', { mode: 0o644 }), owned: own('a'), present: file('a') }, 'adopt'],
  // owned, no longer wanted
  ['leaves', { owned: own('a'), present: file('a') }, 'delete'],
  ['leaves, edited', { owned: own('a'), present: file('b') }, 'delete edited kept'],
  ['leaves, chmod-ed', { owned: own('a'), present: file('a', 0o755) }, 'delete mode'],
  ['leaves, a link now', { owned: own('a'), present: link('a') }, 'delete type kept'],
  ['leaves, gone', { owned: own('a') }, 'forget'],
  ['leaves, a directory now', { owned: own('a'), present: theirs }, 'forget'],
  ['leaves, a pipe now', { owned: own('a'), present: { kind: 'special' } }, 'forget'],
  ['leaves, below a link now', { owned: own('a'), present: { kind: 'blocked', by: relPath('l'), link: true } }, 'forget'],
  // neither
  ['of nobody', { present: file('a') }, 'nothing'],
])('%s', ([, situation, expected]) => {
  expect(told(decide(situation))).toBe(expected)
})

const blockedBy: Present = { kind: 'blocked', by: relPath('l'), link: true }
const special: Present = { kind: 'special' }

/** What was live, what each of the policies makes of it: heal, keep, refuse. */
test.for<[string, Case, heal: string, keep: string, refuse: string]>([
  ['nothing changed', { wanted: want('a'), owned: own('a'), present: file('a') }, 'nothing', 'nothing', 'nothing'],
  ['new content', { wanted: want('b'), owned: own('a'), present: file('a') }, 'update', 'update', 'update'],
  ['leaves', { owned: own('a'), present: file('a') }, 'delete', 'delete', 'delete'],
  ['edited', { wanted: want('a'), owned: own('a'), present: file('c') }, 'update edited kept', 'stay keep edited', 'conflict edited'],
  ['gone', { wanted: want('a'), owned: own('a') }, 'create missing', 'stay keep missing', 'conflict missing'],
  ['made executable', { wanted: want('a'), owned: own('a'), present: file('a', 0o755) }, 'update mode', 'stay keep mode', 'conflict mode'],
  ['a link now', { wanted: want('a'), owned: own('a'), present: link('b') }, 'update type kept', 'stay keep type', 'conflict type'],
  ['an empty directory now', { wanted: want('a'), owned: own('a'), present: ours }, 'create type', 'stay keep type', 'conflict type'],
  ['a directory with files now', { wanted: want('a'), owned: own('a'), present: theirs }, 'conflict', 'stay keep type', 'conflict type'],
  ['a pipe now', { wanted: want('a'), owned: own('a'), present: special }, 'conflict', 'stay keep type', 'conflict type'],
  ['below a link now', { wanted: want('a'), owned: own('a'), present: blockedBy }, 'conflict', 'stay keep type', 'conflict type'],
  [
    'edited, new content',
    { wanted: want('b'), owned: own('a'), present: file('c') },
    'update edited kept',
    'stay keep edited news',
    'conflict edited',
  ],
  ['gone, new content', { wanted: want('b'), owned: own('a') }, 'create missing', 'stay keep missing news', 'conflict missing'],
  ['edited to the new content', { wanted: want('b'), owned: own('a'), present: file('b') }, 'adopt', 'adopt', 'adopt'],
  ['edited, leaves', { owned: own('a'), present: file('c') }, 'delete edited kept', 'stay keep edited news', 'conflict edited'],
  ['a link now, leaves', { owned: own('a'), present: link('a') }, 'delete type kept', 'stay keep type news', 'conflict type'],
  ['gone, leaves', { owned: own('a') }, 'forget', 'forget', 'forget'],
  ['a directory now, leaves', { owned: own('a'), present: theirs }, 'forget', 'forget', 'forget'],
  ['other file before us', { wanted: want('a'), present: file('b') }, 'update kept first', 'update kept first', 'update kept first'],
  ['a directory before us', { wanted: want('a'), present: theirs }, 'conflict', 'stay keep news', 'conflict'],
])('when a file is %s, onDrift decides', ([, situation, ...expected]) => {
  const all = (['heal', 'keep', 'refuse'] as const).map((onDrift) => told(decide({ ...situation, policy: { onDrift } })))
  expect(all).toEqual(expected)
})

/** keep, replace, refuse, leave. */
test.for<[string, Case, ...string[]]>([
  ['absent', { wanted: want('a') }, 'create', 'create', 'create', 'create'],
  ['equal', { wanted: want('a'), present: file('a') }, 'adopt', 'adopt', 'adopt', 'adopt'],
  ['another', { wanted: want('a'), present: file('b') }, 'update kept first', 'update kept first', 'conflict', 'stay leave news'],
  ['a link', { wanted: want('a'), present: link('b') }, 'update kept first', 'update kept first', 'conflict', 'stay leave news'],
  ['an empty directory', { wanted: want('a'), present: ours }, 'create', 'create', 'create', 'create'],
  ['a directory with files', { wanted: want('a'), present: theirs }, 'conflict', 'conflict', 'conflict', 'stay leave news'],
  ['a pipe', { wanted: want('a'), present: special }, 'conflict', 'conflict', 'conflict', 'stay leave news'],
  ['below a link', { wanted: want('a'), present: blockedBy }, 'conflict', 'conflict', 'conflict', 'stay leave news'],
  ["another config's", { wanted: want('a'), present: file('b'), refuse: 'no' }, 'conflict', 'conflict', 'conflict', 'conflict'],
])('when what was there before us is %s, adopt decides', ([, situation, ...expected]) => {
  const all = (['careful', 'replace', 'refuse', 'leave'] as const).map((adopt) => told(decide({ ...situation, policy: { adopt } })))
  expect(all).toEqual(expected)
})

test.for<[string, Case, string]>([
  ['an edited file', { wanted: want('a'), owned: own('a'), present: file('c') }, 'stay wait edited'],
  ['a file that is gone', { wanted: want('a'), owned: own('a') }, 'stay wait missing'],
  ['an edited file with new content', { wanted: want('b'), owned: own('a'), present: file('c') }, 'update edited kept'],
  ['an edited file that leaves', { owned: own('a'), present: file('c') }, 'delete edited kept'],
  ['an unchanged file', { wanted: want('a'), owned: own('a'), present: file('a') }, 'nothing'],
])('%s of a path that rests waits, unless the source has news for it', ([, situation, expected]) => {
  expect(told(decide({ ...situation, policy: { rests: true } }))).toBe(expected)
})

test('what the config takes no more is let go, whatever it is', () => {
  for (const present of [file('a'), file('c'), link('c'), theirs, special])
    expect(told(decide({ owned: own('a'), present, policy: { letsGo: true, onDrift: 'refuse' } }))).toBe('forget')
})

test('a file of ours that gives way to a directory of ours is cleared; an edited one or a link of someone else is not', () => {
  const [a, ab] = [relPath('a'), relPath('a/b')]
  const changes = (there: Present): string[] =>
    plan({
      target: 't',
      root: absPath('/base'),
      wanted: new Map([[ab, want('e')]]),
      owned: new Map([[a, own('d')]]),
      present: new Map([
        [a, there],
        [ab, { kind: 'blocked', by: a, link: there.kind === 'link' }],
      ]),
      refuseFirstContact: () => null,
    }).changes.map((change) => `${change.path} ${told(change)}`)
  expect(changes(file('d'))).toEqual(['a delete', 'a/b create'])
  expect(changes(file('c'))).toContain('a/b conflict')
  expect(changes(link('c'))).toContain('a/b conflict')
})

test('changes are counted, and what only the inventory learns of is not a write', () => {
  const changes = [
    decide({ wanted: want('a') }),
    decide({ wanted: want('a'), owned: own('a') }),
    decide({ wanted: want('a'), owned: own('b'), present: file('b') }),
    decide({ owned: own('a'), present: file('a') }),
    decide({ wanted: want('a'), present: file('a') }),
    decide({ owned: own('a') }),
  ].filter((change) => change !== null)
  expect(counts(changes)).toEqual({ created: 2, updated: 1, deleted: 1 })
  expect(writes(changes)).toHaveLength(4)
})

test.for([
  [0, 0, 0, false],
  [3, 0, 3, true],
  [3, 0, 0, true],
  [20, 9, 11, true],
  [22, 11, 11, false],
  [19, 9, 10, false],
  [11, 1, 10, false],
  [100, 150, 51, true],
  [100, 150, 50, false],
] as const)('with %i owned files, %i wanted and %i to delete, the shrink guard says %s', ([owned, wanted, deleted, expected]) => {
  expect(shrinksTooMuch(owned, wanted, deleted)).toBe(expected)
})
