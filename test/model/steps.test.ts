import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../lib/host/hash.ts'
import { keptIn } from '../../lib/host/kept.ts'
import { newHostKey } from '../../lib/secrets/seal.ts'
import { readLive, scan } from '../../lib/host/live.ts'
import { documentsWith } from '../../lib/documents/documents.ts'
import { perform, stage } from '../../lib/host/transact.ts'
import { undo } from '../../lib/host/undo.ts'
import { absPath, relPath, sha, type AbsPath, type Digest, type RelPath } from '../../lib/model/path.ts'
import { plan } from '../../lib/model/plan.ts'
import { HEALING, type Policy } from '../../lib/model/policy.ts'
import { steps, undoing, type Step } from '../../lib/model/steps.ts'
import type { Content, Node, Owned, Wanted } from '../../lib/model/tree.ts'

const OID = sha('0'.repeat(40))
const never = new AbortController().signal
const bytesOf = new Map<Digest, Buffer>()
let top: string

beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'gitops-steps-'))
})
afterAll(() => rmSync(top, { recursive: true, force: true }))

async function* contents(wanted: readonly Content[]): AsyncGenerator<Buffer> {
  for (const content of wanted) yield content.kind === 'kept' ? (bytesOf.get(content.digest) as Buffer) : Buffer.alloc(0)
}

// --- what may be wanted, and what may happen meanwhile

const segment = fc.constantFrom('a', 'b', 'c')
const place = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => relPath(parts.join('/')))
const entry: fc.Arbitrary<Wanted> = fc
  .record({
    kind: fc.constantFrom('file', 'file', 'file', 'link'),
    text: fc.constantFrom('', 'one', 'two'),
    executable: fc.boolean(),
    mode: fc.constantFrom(null, null, 0o600, 0o444),
  })
  .map(({ kind, text, executable, mode }) => {
    const bytes = Buffer.from(kind === 'link' ? `to-${text}` : text)
    const digest = digestOf(bytes)
    bytesOf.set(digest, bytes)
    const file = kind === 'file'
    return {
      kind: file ? 'file' : 'link',
      digest,
      executable: file && (mode === null ? executable : false),
      mode: file ? mode : null,
      content: { kind: 'kept', digest },
    }
  })
/** A tree as Git can have it: nothing lies below a file. */
const tree = fc.array(fc.tuple(place, entry), { maxLength: 8 }).map((entries) => {
  const result = new Map<RelPath, Wanted>()
  for (const [path, want] of entries)
    if (![...result.keys()].some((other) => path.startsWith(`${other}/`) || other.startsWith(`${path}/`))) result.set(path, want)
  return result
})
const mishap = fc.record({
  what: fc.constantFrom('edit', 'delete', 'chmod', 'link', 'directory', 'app', 'empty', 'private', 'shared'),
  path: place,
})

/** Something that a person or an application does to the tree without us. What is impossible there does not happen. */
function happen(root: string, { what, path }: { what: string; path: string }): void {
  const full = join(root, path)
  try {
    if (what === 'edit') writeFileSync(full, 'edited', { flag: 'r+' })
    else if (what === 'delete') rmSync(full, { recursive: true })
    else if (what === 'chmod' && lstatSync(full).isFile()) chmodSync(full, 0o711)
    else if (what === 'private' && lstatSync(full).isDirectory()) chmodSync(full, 0o700)
    else if (what === 'shared' && lstatSync(full).isDirectory()) chmodSync(full, 0o777)
    else if (what === 'app') writeFileSync(join(dirname(full), 'app'), 'the application’s own')
    else if (what === 'empty') mkdirSync(full)
    else if (what === 'link' || what === 'directory') {
      rmSync(full)
      if (what === 'link') symlinkSync('elsewhere', full)
      else mkdirSync(full)
    }
  } catch {
    // It was not there, or is of another type.
  }
}

/** Everything below a directory: type, mode and content. */
function snapshot(root: string, path = ''): Record<string, string> {
  const full = join(root, path)
  const stat = lstatSync(full, { throwIfNoEntry: false })
  if (stat === undefined) return {}
  const mode = (stat.mode & 0o7777).toString(8)
  if (stat.isSymbolicLink()) return { [path]: `-> ${readlinkSync(full)}` }
  if (stat.isFile()) return { [path]: `${mode} ${readFileSync(full, 'utf8')}` }
  return Object.assign(
    { [`${path}/`]: mode },
    ...readdirSync(full)
      .toSorted()
      .map((name) => snapshot(root, path === '' ? name : `${path}/${name}`)),
  ) as Record<string, string>
}

/** What we believe of one root between two applies. */
interface Known {
  readonly owned: ReadonlyMap<RelPath, Owned>
  readonly directories: readonly RelPath[]
}

/** One apply as `sync` does it. Null when the plan has a conflict: then nothing is written. */
async function apply(root: AbsPath, known: Known, wanted: ReadonlyMap<RelPath, Wanted>, state: AbsPath, policy: Policy = HEALING) {
  const { owned, directories } = known
  const found = scan(root, new Set([...wanted.keys(), ...owned.keys()]), owned)
  const { changes } = plan({ target: 't', root, wanted, owned, present: found.present, refuseFirstContact: () => null, policy })
  if (changes.some((change) => change.kind === 'conflict')) return null
  const made = steps(changes, wanted, { ...found, root, directories, vacated: () => null, returning: [], umask: 0o022, id: '1-0-1' })
  const kept = keptIn(state, () => newHostKey())
  for (const step of made.steps) if ((step.kind === 'put' || step.kind === 'remove') && step.before !== null) kept.keep(readLive(step.path))
  await stage(made.steps, made.contents, contents, never)
  const desk = { kept, documents: documentsWith([]), ensure: () => {} }
  await perform(made.steps, desk, never)
  const next: Known = {
    owned: new Map(
      [...wanted].map(([path, { kind, digest, executable, mode }]) => [path, { kind, digest, executable, mode, oid: OID, stat: null }]),
    ),
    directories: made.directories,
  }
  return { made, next, changes, takeBack: () => undo(made.steps, desk) }
}

/** Whether the disk holds the wanted tree, permissions as far as they are wanted. */
function expectTree(found: Record<string, string>, wanted: ReadonlyMap<RelPath, Wanted>): void {
  for (const [path, want] of wanted) {
    const bytes = bytesOf.get(want.digest)?.toString() ?? '?'
    if (want.kind === 'link') expect(found[path]).toBe(`-> ${bytes}`)
    else {
      const [mode = '', ...rest] = (found[path] ?? 'nothing').split(' ')
      expect(rest.join(' ')).toBe(bytes)
      if (want.mode === null) expect((Number.parseInt(mode, 8) & 0o100) !== 0).toBe(want.executable)
      else expect(Number.parseInt(mode, 8)).toBe(want.mode)
    }
  }
}

test('any plan, in a real directory, gives exactly the wanted tree, and undoing it gives exactly the old one', async () => {
  let [applied, refused, typeChanges] = [0, 0, 0]
  let number = 0
  await fc.assert(
    fc.asyncProperty(
      tree,
      fc.array(mishap, { maxLength: 5 }),
      tree,
      fc.option(fc.array(place, { maxLength: 3 })),
      async (first, mishaps, second, existing) => {
        const world = join(top, String(number++))
        const root = absPath(join(world, 'home/app'))
        const state = absPath(join(world, 'state'))
        mkdirSync(existing === null ? join(world, 'home') : root, { recursive: true })
        for (const path of existing ?? []) mkdirSync(join(root, path), { recursive: true })
        const empty = snapshot(join(world, 'home'))
        const one = await apply(root, { owned: new Map(), directories: [] }, first, state)
        // A directory of somebody else stands where a file is wanted.
        if (one === null) {
          expect(snapshot(join(world, 'home'))).toEqual(empty)
          return
        }
        expectTree(snapshot(root), first)
        for (const each of mishaps) happen(root, each)

        const before = snapshot(join(world, 'home'))
        const two = await apply(root, one.next, second, state)
        const after = snapshot(join(world, 'home'))
        if (two === null) {
          refused++
          expect(after).toEqual(before)
        } else {
          applied++
          if (two.made.steps.some((step) => step.kind === 'rmdir')) typeChanges++
          expectTree(snapshot(root), second)
          expectNothingElse(before, after, one.next, second)
          expect((await two.takeBack()).left).toEqual([])
          expect(snapshot(join(world, 'home'))).toEqual(before)
          // Undoing is safe to do again.
          await two.takeBack()
          expect(snapshot(join(world, 'home'))).toEqual(before)
        }
        if (mishaps.length === 0) {
          await one.takeBack()
          expect(snapshot(join(world, 'home'))).toEqual(empty)
        }
        rmSync(world, { recursive: true, force: true })
      },
    ),
    { numRuns: 150 },
  )
  expect(applied).toBeGreaterThan(30)
  expect(refused).toBeGreaterThan(0)
  expect(typeChanges).toBeGreaterThan(5)
}, 120_000)

/** Beside the wanted tree there is only what was there and not ours; no directory of ours is left empty. */
function expectNothingElse(
  before: Record<string, string>,
  after: Record<string, string>,
  { owned, directories }: Known,
  second: ReadonlyMap<RelPath, Wanted>,
): void {
  for (const [path, what] of Object.entries(after)) {
    const inside = path.replace(/^app\//, '') as RelPath
    if (path.endsWith('/') || second.has(inside)) continue
    expect([path, before[path]]).toEqual([path, what])
    expect([path, owned.has(inside)]).toEqual([path, false])
  }
  const stays = new Set([...second.keys()].flatMap((path) => path.split('/').map((_, end, parts) => parts.slice(0, end).join('/'))))
  for (const path of directories.filter((ours) => !stays.has(ours) && after[`app/${ours}/`] !== undefined))
    expect(Object.keys(after).filter((other) => other.startsWith(`app/${path}/`)).length).toBeGreaterThan(1)
  // What an application made is still there, unless it stood for a file of ours.
  for (const [path, what] of Object.entries(before)) if (path.endsWith('app') && what.includes('own')) expect(after[path]).toBe(what)
}

test('undoing a step puts the old back, leaves what somebody wrote since, and does nothing twice', () => {
  const node = (letter: string, mode = 0o644): Node => ({ kind: 'file', digest: digestOf(letter), mode })
  const path = absPath('/p')
  const put = (before: Node | null): Extract<Step, { kind: 'put' }> => ({
    kind: 'put',
    path,
    temp: absPath('/t'),
    before,
    after: node('n'),
  })
  const remove: Step = { kind: 'remove', path, before: node('o') }
  expect(undoing(put(node('o')), node('n'))).toBe('restore')
  expect(undoing(put(node('o')), node('n', 0o600))).toBe('restore')
  expect(undoing(put(node('o')), node('o'))).toBe('nothing')
  expect(undoing(put(node('o')), node('x'))).toBe('left')
  expect(undoing(put(node('o')), null)).toBe('left')
  expect(undoing(put(node('o')), 'other')).toBe('left')
  expect(undoing(put(null), node('n'))).toBe('restore')
  expect(undoing(put(null), null)).toBe('nothing')
  expect(undoing(put(null), node('x'))).toBe('left')
  expect(undoing(remove, null)).toBe('restore')
  expect(undoing(remove, node('o'))).toBe('nothing')
  expect(undoing(remove, node('x'))).toBe('left')
})

test('what refers comes after what is referred to: obstacles, directories, new files, changed files, deletions, emptied directories', () => {
  const want = (text: string): Wanted => ({
    kind: 'file',
    digest: digestOf(text),
    executable: false,
    mode: null,
    content: { kind: 'git', source: 's', oid: OID },
  })
  const before: Node = { kind: 'file', digest: digestOf('old'), mode: 0o644 }
  const made = steps(
    [
      { kind: 'delete', path: relPath('a'), before, drift: null, kept: false },
      { kind: 'create', path: relPath('a/new'), after: want('1'), drift: null },
      { kind: 'update', path: relPath('changed'), before, after: want('2'), drift: null, kept: false, first: false },
      { kind: 'create', path: relPath('deep/er/new'), after: want('3'), drift: null },
      { kind: 'delete', path: relPath('gone/x'), before, drift: null, kept: false },
    ],
    new Map(['a/new', 'changed', 'deep/er/new'].map((path) => [relPath(path), want(path)])),
    {
      root: absPath('/r'),
      missingRoots: [],
      base: absPath('/r'),
      isDirectory: (path) => path === 'gone',
      modeOf: () => 0o755,
      directories: [relPath('gone')],
      vacated: () => null,
      returning: [],
      umask: 0o022,
      id: 'x',
    },
  )
  expect(made.steps.map((step) => `${step.kind} ${step.path}`)).toEqual([
    'remove /r/a',
    'mkdir /r/a',
    'mkdir /r/deep',
    'mkdir /r/deep/er',
    'put /r/a/new',
    'put /r/deep/er/new',
    'put /r/changed',
    'remove /r/gone/x',
    'rmdir /r/gone',
  ])
  expect(made.directories).toEqual(['a', 'deep', 'deep/er'])
})

/** A policy that is another for each path, and the same for the same salt. */
function policyOf(salt: number): Policy {
  const pick = <T>(what: string, path: string, from: readonly T[]): T =>
    from[(createHash('sha256').update(`${salt} ${what} ${path}`).digest()[0] ?? 0) % from.length] as T
  return {
    onDrift: (path) => pick('drift', path, ['heal', 'keep', 'keep']),
    adopt: (path) => pick('adopt', path, ['replace', 'leave']),
    letsGo: (path) => pick('go', path, [true, false, false]),
    rests: (path) => pick('rest', path, [true, false, false]),
  }
}

test('whatever the policies are, what is to stay stays untouched in a real directory, the rest is as wanted, and all of it can be undone', async () => {
  let [applied, stayed] = [0, 0]
  let number = 0
  await fc.assert(
    fc.asyncProperty(tree, fc.array(mishap, { minLength: 1, maxLength: 6 }), tree, fc.nat(), async (first, mishaps, second, salt) => {
      const world = join(top, `policy-${number++}`)
      const root = absPath(join(world, 'app'))
      const state = absPath(join(world, 'state'))
      mkdirSync(root, { recursive: true })
      const one = await apply(root, { owned: new Map(), directories: [] }, first, state)
      if (one === null) throw new Error('nothing was there before us')
      for (const each of mishaps) happen(root, each)
      const before = snapshot(root)
      const two = await apply(root, one.next, second, state, policyOf(salt))
      const after = snapshot(root)
      if (two === null) {
        expect(after).toEqual(before)
        return
      }
      applied++
      const left = new Set(two.changes.flatMap(({ kind, path }) => (kind === 'stay' || kind === 'forget' ? [path] : [])))
      stayed += left.size
      for (const [path, node] of Object.entries(before).filter(([each]) => each !== '/')) {
        // Files of ours that leave go from a directory that stays, too.
        const theirs = path === relPath(path.replace(/\/$/, '')) && !one.next.owned.has(relPath(path))
        if (left.has(relPath(path.replace(/\/$/, ''))) || (theirs && [...left].some((each) => path.startsWith(`${each}/`))))
          expect([path, after[path]]).toEqual([path, node])
      }
      const rest = [...second].filter(([path]) => !left.has(path) && two.changes.some((change) => change.path === path))
      expectTree(after, new Map(rest))
      expect((await two.takeBack()).left).toEqual([])
      expect(snapshot(root)).toEqual(before)
    }),
    { numRuns: 150 },
  )
  expect(applied).toBeGreaterThan(25)
  expect(stayed).toBeGreaterThan(25)
})
