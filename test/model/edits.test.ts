import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from '../../lib/documents/json.ts'
import { STRATEGIES } from '../../lib/documents/strategies.ts'
import { holds, merge, takeBackEdits, type Edit, type Prior } from '../../lib/model/edits.ts'
import type { Json } from '../../lib/model/json.ts'

type Document = { readonly [key: string]: Json }

// Few names, so that documents meet; some that trip up naive code.
const name = fc.constantFrom('a', 'b', 'c', 'd/e~f.g', '', '__proto__', 'constructor', '0')
const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, 1, '', 'x', [], [1], [{ a: 1 }]),
  fc.string({ maxLength: 4 }),
)
const { document } = fc.letrec<{ document: Document; value: Json }>((tie) => ({
  document: fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((entries) => fromEntries(entries)),
  value: fc.oneof({ depthSize: 'small', maxDepth: 4 }, leaf, tie('document')),
}))

/** `Object.fromEntries` defines `__proto__` as any other key. */
const fromEntries = (entries: readonly (readonly [string, Json])[]): Document => Object.fromEntries(entries)
const isObject = (value: Json | undefined): value is Document => typeof value === 'object' && value !== null && !Array.isArray(value)
const own = (value: Document, key: string): Json | undefined => (Object.hasOwn(value, key) ? value[key] : undefined)
const layout = fc.constantFrom<string | number>(0, 2, 4, '\t')
const text = (value: Json, space: string | number): string => JSON.stringify(value, null, space)
const value = (of: string): Json | undefined => parseJson(of, 'x.json')
const editJson = async (of: string, edits: readonly Edit[]): Promise<string> => STRATEGIES[0]?.write(of, edits, {}) ?? ''
const edited = async (of: Json, space: string | number, edits: readonly Edit[]): Promise<Json | undefined> =>
  value(await editJson(text(of, space), edits))

/** What the merged document must be, said in another way than the code: wanted over live, without what of `base` is still ours. */
function overlaid(wanted: Document, live: Document): Document {
  const result = new Map(Object.entries(live))
  for (const [key, want] of Object.entries(wanted)) {
    const there = own(live, key)
    result.set(key, isObject(want) && isObject(there) ? overlaid(want, there) : want)
  }
  return fromEntries([...result])
}

test('what the source sets wins, and every other key of the live document survives with its value', async () => {
  await fc.assert(
    fc.asyncProperty(document, document, layout, async (wanted, live, space) => {
      const { edits } = merge(undefined, wanted, live)
      expect(await edited(live, space, edits)).toEqual(overlaid(wanted, live))
      expect(holds(edits, await edited(live, space, edits))).toBe(true)
    }),
  )
})

test('once merged there is nothing left to do, whatever we owned before', async () => {
  await fc.assert(
    fc.asyncProperty(document, document, document, layout, async (base, wanted, live, space) => {
      const next = await edited(live, space, merge(base, wanted, live).edits)
      expect(merge(wanted, wanted, next)).toMatchObject({ edits: [], drift: [] })
    }),
  )
})

test('nothing is written to a document that has our keys already, in whatever order', () => {
  fc.assert(
    fc.property(document, document, (wanted, foreign) => {
      const live = overlaid(wanted, foreign)
      const turned = fromEntries(Object.entries(live).toReversed())
      expect(merge(undefined, wanted, turned).edits).toEqual([])
      expect(merge(wanted, wanted, turned)).toMatchObject({ edits: [], drift: [] })
    }),
  )
})

test('taking the edits back restores the values of the live document exactly', async () => {
  await fc.assert(
    fc.asyncProperty(document, document, document, layout, async (base, wanted, live, space) => {
      const { edits } = merge(base, wanted, live)
      const applied = await editJson(text(live, space), edits)
      const back = takeBackEdits(edits, value(applied))
      expect(back.left).toEqual([])
      expect(value(await editJson(applied, back.edits))).toEqual(live)
    }),
  )
})

test('taking back edits that were never made changes nothing', () => {
  fc.assert(
    fc.property(document, document, (wanted, live) => {
      const { edits } = merge(undefined, wanted, live)
      expect(takeBackEdits(edits, live)).toEqual({ edits: [], left: [] })
    }),
  )
})

test('when the source drops everything, what we set and nobody has touched goes, and every foreign key stays', async () => {
  await fc.assert(
    fc.asyncProperty(document, document, layout, async (base, live, space) => {
      // Foreign keys are those of documents that we would have created as a whole or not at all.
      const foreign = fromEntries(Object.entries(live).filter(([key]) => !Object.hasOwn(base, key)))
      const both = overlaid(base, foreign)
      expect(await edited(both, space, merge(base, undefined, both).edits)).toEqual(foreign)
    }),
  )
})

test('whatever revisions came in between, when we leave, the document has the values that it had before us, those that ours were equal to included', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(document, { minLength: 1, maxLength: 3 }), document, layout, async (revisions, live, space) => {
      const before = text(live, space)
      let [now, written, base, prior]: [string, boolean, Document | undefined, Prior] = [before, false, undefined, new Map()]
      for (const wanted of [...revisions, undefined]) {
        const merged = merge(base, wanted, value(now), prior)
        now = await editJson(now, merged.edits)
        written ||= wanted !== undefined && merged.edits.length > 0
        ;[base, prior] = [wanted, merged.prior]
      }
      expect(value(now)).toEqual(live)
      if (!written) expect(now).toBe(before)
    }),
    { numRuns: 300 },
  )
})

test('what was there before us is remembered once, neither forgotten nor replaced by drift', async () => {
  await fc.assert(
    fc.asyncProperty(document, document, document, async (wanted, live, drift) => {
      const first = merge(undefined, wanted, live)
      const drifted = overlaid(drift, (await edited(live, 2, first.edits)) as Document)
      const healed = merge(wanted, wanted, drifted, first.prior)
      for (const [key, before] of first.prior) expect(healed.prior.get(key)).toEqual(before)
    }),
  )
})

test('a value that the source has taken over unchanged comes back when the source has changed it since, in the digits that it had', () => {
  const before = value('{"zero":-0.0,"one":1.0,"keep":1e2}')
  const first = merge(undefined, value('{"zero":0,"one":1,"keep":100}'), before)
  expect(first.edits).toEqual([])
  const second = merge(value('{"zero":0,"one":1,"keep":100}'), value('{"one":2}'), before, first.prior)
  expect(second.edits).toEqual([{ path: ['one'], before: value('1.0'), after: 2 }])
  const gone = merge(value('{"one":2}'), undefined, value('{"zero":-0.0,"one":2,"keep":1e2}'), second.prior)
  expect(gone.edits).toEqual([{ path: ['one'], before: 2, after: value('1.0') }])
})

test('numbers are told apart, and written, digit by digit', async () => {
  const big = '{"a":12345678901234567890,"b":1.0,"c":-0,"d":1e400,"list":[0.10]}'
  expect(JSON.stringify(value(big))).toBe(big)
  expect(merge(undefined, value('{"a":12345678901234567890}'), value('{"a":12345678901234567891}')).edits).toHaveLength(1)
  expect(merge(undefined, value('{"a":1,"b":100,"c":0,"d":-1.5}'), value('{"a":1.0,"b":1e2,"c":-0,"d":-15e-1}')).edits).toEqual([])
  expect(await editJson('{"x":1.10}', merge(undefined, value(big), value('{"x":1.10}')).edits)).toContain('12345678901234567890')
})

test('a key that was ours and holds somebody else’s value is neither removed nor overlooked', () => {
  const { edits, drift } = merge({ a: 1, b: { c: 1, d: 1 } }, {}, { a: 2, b: { c: 1, d: 'theirs' } })
  expect(edits).toEqual([{ path: ['b', 'c'], before: 1 }])
  expect(drift).toEqual([{ path: ['a'] }, { path: ['b', 'd'] }])
})

test('a document as we left it has not drifted, whatever is wanted next', () => {
  fc.assert(
    fc.property(document, document, (base, wanted) => {
      expect(merge(base, wanted, base).drift).toEqual([])
    }),
  )
})

test('an edit keeps the layout, the byte order mark and the line ends of the document', async () => {
  const live = '{\r\n\t"theirs": [1,2,   3],\r\n\t"ours": "old"\r\n}\r\n'
  const edits: Edit[] = [{ path: ['ours'], before: 'old', after: 'new' }]
  expect(await editJson(live, edits)).toBe(live.replace('old', 'new'))
  expect(await editJson(`\uFEFF${live}`, edits)).toBe(`\uFEFF${live.replace('old', 'new')}`)
  expect(value(await editJson('\uFEFF', edits))).toEqual({ ours: 'new' })
})

test('a document, or an object in one, that stands on one line stays there', async () => {
  const set: Edit[] = [
    { path: ['new'], after: {} },
    { path: ['new', 'x'], after: [1, { y: 2 }] },
    { path: ['a'], before: 1, after: { b: 1 } },
  ]
  expect(await editJson('{"a":1,"c":[1, 2]}\n', set)).toBe('{"a":{"b":1},"c":[1, 2],"new":{"x":[1,{"y":2}]}}\n')
  const inner = await editJson('{\n  "t": 1,\n  "o": { "a": 1 }\n}\n', [{ path: ['o', 'n'], after: { x: 1 } }])
  expect(inner.split('\n')).toHaveLength(5)
  expect(await editJson('{}', [{ path: ['a'], after: 1 }])).toBe('{\n  "a": 1\n}')
})

test('a document that does not parse is named with the place, and nothing of its text', () => {
  for (const [broken, place] of [
    ['{\n "secret": x }', '2:12'],
    ['{"a": "se', '1:10'],
    ['{"a": 1,\n}', '2:1'],
  ] as const)
    expect(() => value(broken)).toThrow(new RegExp(`^x\\.json:${place} is not JSON$`))
})
