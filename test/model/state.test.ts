import { expect, test } from 'vitest'
import { decodeGeneration, decodeInventory, encodeGeneration, encodeInventory } from '../../lib/host/codec.ts'
import { absPath, digest, relPath, sha, type AbsPath, type RelPath } from '../../lib/model/path.ts'
import { takeBack, type Applied, type Generation, type Inventory, type OwnedTarget } from '../../lib/model/state.ts'
import type { Node, Owned } from '../../lib/model/tree.ts'

const ROOT = absPath('/home/me/.claude')
const owned = (letter: string): Owned => ({
  kind: 'file',
  digest: digest(`sha256:${letter.repeat(64)}`),
  executable: false,
  mode: null,
  oid: null,
  stat: null,
})
const original: Node = { kind: 'file', digest: digest(`sha256:${'0'.repeat(64)}`), mode: 0o600 }
const applied = (letter: string, generation: number): Applied => ({
  commit: sha(letter.repeat(40)),
  desired: letter,
  at: '2026-01-01T00:00:00.000Z',
  generation,
})
const target = (entries: Record<string, Owned>, directories: string[] = []): OwnedTarget => ({
  source: 'team',
  name: 'claude',
  onRemove: 'restore',
  entries: new Map(Object.entries(entries) as [RelPath, Owned][]),
  directories: directories as RelPath[],
})
const inventory = (targets: [AbsPath, OwnedTarget][], at: Applied | null, originals: [AbsPath, Node][] = []): Inventory => ({
  generation: 2,
  applied: new Map(at === null ? [] : [['team', at]]),
  targets: new Map(targets),
  secrets: new Map(),
  hostKey: null,
  originals: new Map(originals),
  vacated: new Map(),
  roots: [],
})
const generation = (before: Generation['before']): Generation => ({
  number: 2,
  unit: 'team',
  commit: sha('b'.repeat(40)),
  desired: 'b',
  why: 'revision',
  at: '2026-01-02T00:00:00.000Z',
  steps: [],
  author: null,
  signer: null,
  wrote: { targets: ['claude'], created: 1, updated: 2, deleted: 0 },
  kept: [],
  outcome: 'applied',
  ended: null,
  reason: null,
  before,
})

test('taking a generation back gives the inventory that was there before it, and leaves what it did not touch', () => {
  const after = inventory([[ROOT, target({ changed: owned('b'), new: owned('b'), same: owned('a') }, ['x', 'y'])]], applied('b', 2))
  const back = takeBack(
    after,
    generation({
      applied: applied('a', 1),
      targets: new Map([
        [
          ROOT,
          {
            ...target({}, ['x']),
            existed: true,
            entries: new Map<RelPath, Owned | null>([
              [relPath('changed'), owned('a')],
              [relPath('new'), null],
              [relPath('gone'), owned('a')],
            ]),
          },
        ],
      ]),
      secrets: new Map(),
      originals: new Map(),
      vacated: new Map(),
      roots: new Map(),
    }),
  )
  expect(back).toEqual(inventory([[ROOT, target({ changed: owned('a'), same: owned('a'), gone: owned('a') }, ['x'])]], applied('a', 1)))
})

test('taking the first generation back leaves nothing owned and no original', () => {
  const file = absPath(`${ROOT}/a`)
  const back = takeBack(
    inventory([[ROOT, target({ a: owned('b') })]], applied('b', 2), [[file, original]]),
    generation({
      applied: null,
      targets: new Map([[ROOT, { ...target({}), existed: false, entries: new Map([[relPath('a'), null]]) }]]),
      secrets: new Map(),
      originals: new Map([[file, null]]),
      vacated: new Map(),
      roots: new Map(),
    }),
  )
  expect(back).toEqual(inventory([], null))
})

test('taking a departure back brings its originals to mind again', () => {
  const file = absPath(`${ROOT}/a`)
  const back = takeBack(
    inventory([], null),
    generation({
      applied: applied('a', 1),
      targets: new Map([[ROOT, { ...target({}), existed: true, entries: new Map([[relPath('a'), owned('a')]]) }]]),
      secrets: new Map(),
      originals: new Map([[file, original]]),
      vacated: new Map(),
      roots: new Map(),
    }),
  )
  expect(back).toEqual(inventory([[ROOT, target({ a: owned('a') })]], applied('a', 1), [[file, original]]))
})

test('taking back twice, or what was never committed, changes nothing more', () => {
  const before = inventory([[ROOT, target({ a: owned('a') })]], applied('a', 1))
  const taken = generation({
    applied: applied('a', 1),
    targets: new Map([
      [
        ROOT,
        {
          ...target({}),
          existed: true,
          entries: new Map<RelPath, Owned | null>([
            [relPath('a'), owned('a')],
            [relPath('b'), null],
          ]),
        },
      ],
    ]),
    secrets: new Map(),
    originals: new Map(),
    vacated: new Map(),
    roots: new Map(),
  })
  expect(takeBack(before, taken)).toEqual(before)
  expect(takeBack(takeBack(before, taken), taken)).toEqual(before)
})

test('what is written to disk reads back the same, whatever the names', () => {
  const names = ['__proto__', 'constructor', 'a b', 'ü\n"', '-rf', '\\']
  const all = inventory([[ROOT, target(Object.fromEntries(names.map((name) => [name, owned('a')])), ['__proto__'])]], applied('a', 1), [
    [absPath('/__proto__'), original],
  ])
  expect(decodeInventory(encodeInventory(all))).toEqual(all)
  expect([...(decodeInventory(encodeInventory(all)).targets.get(ROOT)?.entries.keys() ?? [])].toSorted()).toEqual(names.toSorted())
  const one = generation({
    applied: null,
    targets: new Map([[ROOT, { ...target({}), existed: false, entries: new Map(names.map((name) => [relPath(name), null])) }]]),
    secrets: new Map(),
    originals: new Map<AbsPath, Node | null>([
      [absPath('/a'), null],
      [absPath('/b'), original],
    ]),
    vacated: new Map(),
    roots: new Map([
      [absPath('/c'), true],
      [absPath('/__proto__'), false],
    ]),
  })
  expect(decodeGeneration(encodeGeneration(one))).toEqual(one)
})
