import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { jsonValue } from '../../lib/documents/new-value.ts'
import { setAt } from '../../lib/documents/set.ts'
import { parsePointer } from '../../lib/model/pointer.ts'
import { setFlat } from '../../lib/secrets/sops/set-flat.ts'

/** The text after an edit; a number when the place is not there. */
async function edit(text: string, format: 'json' | 'yaml', path: string, json: string | null): Promise<string | number | null> {
  const result = await setAt(text, format, parsePointer(path) ?? [], json === null ? null : await jsonValue(json))
  return result === null ? null : 'text' in result ? result.text : result.depth
}

/** What an edit changes, as a diff without context. */
async function changes(text: string, format: 'json' | 'yaml', path: string, json: string | null): Promise<string> {
  const after = await edit(text, format, path, json)
  if (typeof after !== 'string') return after === null ? 'unable' : `nothing at step ${after}`
  const [old, now] = [text.split('\n'), after.split('\n')]
  const first = old.findIndex((line, index) => line !== now[index])
  let same = 0
  while (same < Math.min(old.length, now.length) - first && old.at(-1 - same) === now.at(-1 - same)) same += 1
  return [
    ...old.slice(first, old.length - same).map((line) => `-${line}`),
    ...now.slice(first, now.length - same).map((line) => `+${line}`),
  ].join('\n')
}

const YAML = `# head
a: 1 # c
b:
  # in a list
  - x
  - k: v
    l: |
      two
      lines
  - - deep

c: {q: 1, r: 2} # flow
d:
e: &x !!str "t" # z
f:
    - - 1
      - 2
literal: |+
  keep

empty: {}
none: []
? explicit
: 1
"12": '34'
# end
`

describe('one value of a YAML text is changed, and nothing else of the text', () => {
  for (const [path, json, wanted] of [
    ['/a', '2', '-a: 1 # c\n+a: 2 # c'],
    ['/a', '"2"', '-a: 1 # c\n+a: "2" # c'],
    ['/a', '"two\\nlines"', '-a: 1 # c\n+a: "two\\nlines" # c'],
    ['/a', '12345678901234567', '-a: 1 # c\n+a: 12345678901234567 # c'],
    ['/a', '{"z":[1,"yes"]}', '-a: 1 # c\n+a: {z: [1, "yes"]} # c'],
    ['/b/0', '"l\\nm\\n"', '-  - x\n+  - |\n+    l\n+    m'],
    ['/b/1/k', '"n"', '-  - k: v\n+  - k: "n"'],
    ['/b/1/l', '"x"', '-    l: |\n-      two\n-      lines\n+    l: x'],
    ['/b/1/l', '{"a":1}', '-    l: |\n-      two\n-      lines\n+    l:\n+      a: 1'],
    ['/b/-', '{"x":1}', '+\n+  - x: 1'],
    ['/b/-', '{"x":1,"w":{"z":[{"p":true,"q":[]}]}}', '+  - x: 1\n+    w:\n+      z:\n+        - p: true\n+          q: []'],
    ['/b/1/k', null, '-  - k: v\n-    l: |\n+  - l: |'],
    ['/b/1/l', null, '-    l: |\n-      two\n-      lines'],
    ['/b/0', null, '-  - x'],
    ['/b/1', null, '-  - k: v\n-    l: |\n-      two\n-      lines'],
    ['/c/q', '{"x":[1]}', '-c: {q: 1, r: 2} # flow\n+c: {q: {x: [1]}, r: 2} # flow'],
    ['/c/z', '"a, b"', '-c: {q: 1, r: 2} # flow\n+c: {q: 1, r: 2, z: "a, b"} # flow'],
    ['/c/q', null, '-c: {q: 1, r: 2} # flow\n+c: {r: 2} # flow'],
    ['/c/r', null, '-c: {q: 1, r: 2} # flow\n+c: {q: 1} # flow'],
    ['/d', '"v"', '-d:\n+d: v'],
    ['/e', '"new"', '-e: &x !!str "t" # z\n+e: new # z'],
    ['/f/0/0', null, '-    - - 1\n-      - 2\n+    - - 2'],
    ['/f/0', null, '-f:\n-    - - 1\n-      - 2\n+f: []'],
    ['/literal', '"y"', '-literal: |+\n-  keep\n-\n+literal: "y"'],
    ['/empty/k/l', '1', '-empty: {}\n+empty:\n+  k:\n+    l: 1'],
    ['/none/0', '"i"', '-none: []\n+none:\n+  - i'],
    ['/12', '35', '-"12": \'34\'\n+"12": 35'],
    ['/new/0', 'true', '+new:\n+  "0": true'],
    ['["new"][0]', 'true', '+new:\n+  - true'],
    ['/a/x', '1', 'nothing at step 1'],
    ['/b/9', '1', 'nothing at step 1'],
    ['/c/nosuch', null, 'nothing at step 1'],
    ['["b"]["0"]', '1', 'nothing at step 1'],
  ] as const) {
    test(`${path} ${json === null ? 'removed' : `set to ${json}`}`, async () => {
      const found = await changes(YAML, 'yaml', path, json)
      // Where equal lines stand together a diff may begin at either.
      expect(found.replaceAll(/^[+-]$\n?/gm, '')).toBe(wanted.replaceAll(/^[+-]$\n?/gm, ''))
    })
  }

  test('a way of writing that is not known is refused, and so is a text that does not parse', async () => {
    for (const [text, path] of [
      ['a: &x 1\nb: *x\n', '/a'],
      ['a: [1', '/a'],
      ['a: 1\nb: *nowhere', '/a'],
    ] as const) {
      expect(await edit(text, 'yaml', path, '1'), text).toBeNull()
    }
  })

  test('line ends stay, a last line without one gets none, and only the first document changes', async () => {
    expect(await edit('a: 1\r\nb: 2\r\n', 'yaml', '/c/d', '1')).toBe('a: 1\r\nb: 2\r\nc:\r\n    d: 1\r\n')
    expect(await edit('a: 1', 'yaml', '/b', '2')).toBe('a: 1\nb: 2')
    expect(await edit('a: 1\n---\na: 1\n', 'yaml', '/a', '2')).toBe('a: 2\n---\na: 1\n')
    expect(await edit('a: 1\n---\nb: 1\n', 'yaml', '/b', '2')).toBe('a: 1\nb: 2\n---\nb: 1\n')
    expect(await edit('---\na: 1\n...\n', 'yaml', '/a', null)).toBe('---\n{}\n...\n')
  })
})

describe('one value of a JSON text is changed, and nothing else of the text', () => {
  const text = '{\n    "a": 1.50, "n": 12345678901234567890,\n    "l": [\n        "x",\n        {"k": null}\n    ], "e": {}\n}\n'
  for (const [path, json, wanted] of [
    ['/a', '9223372036854775807', '"a": 9223372036854775807,'],
    ['/a', '{"b": 1e3}', '    "a": {\n        "b": 1e3\n    }, "n"'],
    ['/l/1/k', '"v"', '{"k": "v"}'],
    ['/l/0', null, '"l": [\n        {"k": null}'],
    ['/l/-', '[1]', '{"k": null},\n        [\n            1\n        ]\n    ]'],
    ['/e/f', '"<&>"', '"f": "<&>"'],
    ['/__proto__/x', '1', '"__proto__": {'],
    ['/a', null, '{\n    "n": 12345678901234567890,'],
  ] as const) {
    test(`${path} ${json === null ? 'removed' : `set to ${json}`}`, async () => {
      const after = await edit(text, 'json', path, json)
      expect(after).toContain(wanted)
      expect(after).toContain('12345678901234567890')
      expect(() => JSON.parse(String(after)) as unknown).not.toThrow()
    })
  }

  test('a JSON on one line stays on one line', async () => {
    expect(await edit('{"a": {"b": 1}}', 'json', '/a/b', '{"c":[1,2]}')).toBe('{"a": {"b": {"c": [1, 2]}}}')
  })
})

describe('one line of a dotenv or INI text is changed, and no other', () => {
  for (const [format, text, path, value, wanted] of [
    ['dotenv', '# c\nA=1\n\nB=x=y\n', '/A', 'two\nlines', '# c\nA=two\\nlines\n\nB=x=y\n'],
    ['dotenv', 'A=1\nB=2', '/C', '3', 'A=1\nB=2\nC=3\n'],
    ['dotenv', 'A=1\nB=2\n', '/A', null, 'B=2\n'],
    ['dotenv', 'A=1\n', '/A/b', '1', 1],
    ['dotenv', 'A=1\n', '/Z', null, 0],
    ['dotenv', '', '/Z', 'z', 'Z=z\n'],
    [
      'ini',
      'top = 1\n[s]\n; c\nk   = v ; behind\n\n[t]\nz = 1\n',
      '/s/k',
      'a # b',
      'top = 1\n[s]\n; c\nk   = `a # b` ; behind\n\n[t]\nz = 1\n',
    ],
    ['ini', '[s]\nk = v\n\n[t]\nz = 1\n', '/s/new', 'x', '[s]\nk = v\nnew = x\n\n[t]\nz = 1\n'],
    ['ini', '[s]\nk = v', '/t/new', 'x', '[s]\nk = v\n\n[t]\nnew = x\n'],
    ['ini', 'top = 1\n', '/DEFAULT/top', '2', 'top = 2\n'],
    ['ini', '[s]\nk = v\nl = w\n', '/s/k', null, '[s]\nl = w\n'],
    ['ini', '[s]\nk = v\n[t]\nl = w\n', '/s', null, '[t]\nl = w\n'],
    ['ini', '[s]\nk = v\n', '/s', 'x', 1],
    ['ini', '[s]\nk = v\n', '/s/k/l', 'x', 1],
    ['ini', '[s]\nk = v\n', '/t/k', null, 0],
  ] as const) {
    test(`${format} ${JSON.stringify(text)} ${path} ${value === null ? 'removed' : JSON.stringify(value)}`, () => {
      const result = setFlat(text, format, parsePointer(path) ?? [], value)
      expect('text' in result ? result.text : result.depth).toBe(wanted)
    })
  }

  test('a name that the format cannot have is refused', () => {
    expect(() => setFlat('A=1\n', 'dotenv', parsePointer('/a=b') ?? [], 'x')).toThrow('dotenv')
    for (const path of ['/s/a=b', '/s/;c', '/s/ ', '/x]\n[y/k', '/s/k\nl'])
      expect(() => setFlat('[s]\nk = v\n', 'ini', parsePointer(path) ?? [], 'x'), path).toThrow('INI')
  })
})

test('a value is refused that is not JSON, or a number that SOPS has no type for, and the sentence does not repeat it', async () => {
  for (const text of ['s3cret', '', '{"a": s3cret}', '9223372036854775808', '[1e400]', '{"s3cret": -9223372036854775809}']) {
    const error = await jsonValue(text).catch((reason: unknown) => reason)
    expect(String(error), text).toMatch(/^GitopsError: the value/)
    expect(String(error)).not.toContain('s3cret')
  }
})

const leaf = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('yes', '1', 'a: b', '- x', '# c', 'two\nlines\n', ' x', '{', 'ENC[x]'),
)
const key = fc.oneof(fc.constantFrom('a', 'b', 'c d', '0', 'yes', '__proto__', 'x:y', ''), fc.string({ maxLength: 6 }))
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('tree')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}))

/** Every place in a value. */
function places(value: unknown, at: string): string[] {
  const inside = typeof value !== 'object' || value === null ? [] : Object.entries(value)
  return inside.flatMap(([name, inner]) => {
    const path = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    return [path].concat(places(inner, path))
  })
}

/** The same edit on the value itself. */
function model(root: unknown, path: string, value: unknown): unknown {
  const copy = structuredClone({ root })
  const steps = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  let parent: Record<string, unknown> = copy
  let last = 'root'
  for (const step of steps) [parent, last] = [parent[last] as Record<string, unknown>, step]
  if (value !== undefined) Object.defineProperty(parent, last, { value, writable: true, enumerable: true, configurable: true })
  else if (Array.isArray(parent)) parent.splice(Number(last), 1)
  else delete parent[last]
  return copy.root
}

test('any place of any document can be set and removed, in block and in flow style, at any indentation', { timeout: 60_000 }, async () => {
  const document = fc.array(fc.tuple(key, tree), { minLength: 1, maxLength: 4 }).map((entries) => Object.fromEntries(entries))
  const style = fc.record({
    indent: fc.constantFrom(2, 4),
    indentSeq: fc.boolean(),
    collectionStyle: fc.constantFrom('any', 'flow'),
  })
  await fc.assert(
    fc.asyncProperty(document, style, fc.option(tree, { nil: undefined }), fc.nat(), async (root, how, value, pick) => {
      const all = places(root, '')
      const path = all[pick % all.length] ?? ''
      const text = stringify(root, { ...how, lineWidth: 0, aliasDuplicateObjects: false } as never)
      const json = value === undefined ? null : JSON.stringify(value)
      for (const [format, before] of [
        ['yaml', text],
        ['json', JSON.stringify(root, null, how.indent)],
      ] as const) {
        const after = await edit(before, format, path, json)
        expect(typeof after, `${before}\n${path} ${json}`).toBe('string')
        const read = format === 'json' ? (JSON.parse(String(after)) as unknown) : (parse(String(after)) as unknown)
        expect(JSON.stringify(read)).toBe(JSON.stringify(model(root, path, value)))
      }
    }),
    { numRuns: 400 },
  )
})
