import { expect, test } from 'vitest'
import { absPath, digest, relPath, sha, type Digest } from '../../lib/model/path.ts'
import { counts, drifted, plan, shrinksTooMuch, writes, type Change } from '../../lib/model/plan.ts'
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
}

const P = relPath('p')
const decide = ({ wanted, owned, present, refuse }: Case): Change | null =>
  plan({
    target: 't',
    root: absPath('/base'),
    wanted: new Map(wanted && [[P, wanted]]),
    owned: new Map(owned && [[P, owned]]),
    present: new Map(present && [[P, present]]),
    refuseFirstContact: () => refuse ?? null,
  }).changes[0] ?? null

/** A change in few words. */
const told = (change: Change | null): string => {
  if (change === null) return 'nothing'
  const words: string[] = [change.kind]
  if ('drift' in change && change.drift !== null) words.push(change.drift)
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
  expect(drifted(changes)).toEqual([{ path: 'p', drift: 'missing' }])
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
