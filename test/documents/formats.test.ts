import * as fc from 'fast-check'
import { stringify as stringifyToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { stringify as stringifyYaml } from 'yaml'
import { documentsWith } from '../../lib/documents/documents.ts'
import { parseJson } from '../../lib/documents/json.ts'
import type { GitopsError } from '../../lib/model/errors.ts'
import { holds, merge, takeBackEdits, type Prior } from '../../lib/model/edits.ts'
import type { Json } from '../../lib/model/json.ts'
import type { CoOwnership, ListRules } from '../../lib/model/lists.ts'

type Document = { readonly [key: string]: Json }

const documents = documentsWith([])
const LISTS: ListRules = { '/allow': 'set', '/*/allow': 'set', '/servers': { by: 'name' }, '/*/servers': { by: 'name' } }

const name = fc.constantFrom('a', 'b', 'c', 'd/e~f.g', 'with space', 'constructor', '0')
const leaf = fc.oneof(
  fc.constantFrom<Json>(true, false, 0, 1, -1.5, '', 'x', 'yes', '1', '# no', 'two\nlines\n', [], [1, 2]),
  fc.string({ maxLength: 4, unit: 'binary' }).map((text) => text.toWellFormed()),
)
const items = fc.uniqueArray(fc.constantFrom('Read', 'Edit', 'Bash(git:*)', 'x y'), { maxLength: 3 })
const servers = fc
  .uniqueArray(fc.tuple(fc.constantFrom('one', 'two', 'three'), fc.dictionary(fc.constantFrom('port', 'state'), leaf, { maxKeys: 2 })), {
    maxLength: 3,
    selector: ([key]) => key,
  })
  .map((all) => all.map(([key, rest]) => ({ ...rest, name: key })))
const { document } = fc.letrec<{ document: Document; value: Json }>((tie) => ({
  document: fc
    .tuple(fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }), fc.option(items, { nil: null }), fc.option(servers, { nil: null }))
    .map(([entries, allow, list]) =>
      fromEntries([
        ...entries,
        ...(allow === null ? [] : [['allow', allow] as const]),
        ...(list === null ? [] : [['servers', list] as const]),
      ]),
    ),
  value: fc.oneof({ depthSize: 'small', maxDepth: 3 }, leaf, tie('document')),
}))
const fromEntries = (entries: readonly (readonly [string, Json])[]): Document => Object.fromEntries<Json>(entries)

/** A document as its author would write it. */
const WRITTEN: Readonly<Record<string, (value: Document) => string>> = {
  json: (value) => JSON.stringify(value, null, 2),
  jsonc: (value) => `// theirs\n${JSON.stringify(value, null, '\t').replace('{\n', '{ // first\n')}\n// end\n`,
  yaml: (value) => `# theirs\n${stringifyYaml(value, { aliasDuplicateObjects: false })}`,
  toml: (value) => `# theirs\n${stringifyToml(value)}`,
}
const as = (strategy: string): CoOwnership => ({ strategy, lists: LISTS, lock: null })
const view = (strategy: string, text: string): Promise<Json | undefined> => documents.read(as(strategy), text, 'f')
const asOurs = (strategy: string, value: Document): Promise<Json | undefined> =>
  view(strategy, (WRITTEN[strategy] as (of: Document) => string)(value))

/** Formats differ in whether a table without keys is there at all. */
function full(value: Json | undefined): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, full(inner as Json)] as const)
  const rest = entries.filter(([, inner]) => inner !== undefined)
  return rest.length === 0 ? undefined : Object.fromEntries(rest)
}

describe.each(Object.keys(WRITTEN))('%s', (strategy) => {
  const write = WRITTEN[strategy] as (of: Document) => string

  test('our keys win, foreign keys survive, once merged nothing is left to do, and taking it back gives the values of before', async () => {
    await fc.assert(
      fc.asyncProperty(document, document, document, async (was, now, theirs) => {
        const text = write(theirs)
        const [base, wanted, live] = [await asOurs(strategy, was), await asOurs(strategy, now), await view(strategy, text)]
        const { edits } = merge(base, wanted, live)
        const next = await documents.write(as(strategy), text, edits, 'f')
        const after = await view(strategy, next)
        expect(holds(edits, after), next).toBe(true)
        expect(merge(wanted, wanted, after), next).toMatchObject({ edits: [], drift: [] })
        if (edits.length === 0) expect(next).toBe(text)
        const back = takeBackEdits(edits, after)
        expect(back.left).toEqual([])
        expect(full(await view(strategy, await documents.write(as(strategy), next, back.edits, 'f')))).toEqual(full(live))
      }),
      { numRuns: strategy === 'yaml' ? 15 : 50 },
    )
  })

  test('whatever revisions came in between, when we leave, the document is as it was before us, values that ours were equal to included', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(document, { minLength: 1, maxLength: 2 }),
        document,
        fc.boolean(),
        async ([first, ...more], mine, shared) => {
          // The values of both are random, and often the same.
          const [theirs, all] = [shared ? { ...mine, ...first } : mine, [first ?? {}, ...more]]
          let [text, written] = [write(theirs), false]
          const bytes = text
          const before = await view(strategy, text)
          let [base, prior]: [Json | undefined, Prior] = [undefined, new Map()]
          for (const each of [...all, undefined]) {
            const wanted = each === undefined ? undefined : await asOurs(strategy, each)
            const merged = merge(base, wanted, await view(strategy, text), prior)
            text = await documents.write(as(strategy), text, merged.edits, 'f')
            written ||= each !== undefined && merged.edits.length > 0
            ;[base, prior] = [wanted, merged.prior]
          }
          expect(full(await view(strategy, text))).toEqual(full(before))
          expect(text.includes('theirs')).toBe(strategy !== 'json')
          if (!written) expect(text).toBe(bytes)
        },
      ),
      { numRuns: strategy === 'yaml' ? 15 : 40 },
    )
  })
})

test('whoever has comments or trailing commas in what is read as strict JSON is told how to say so', () => {
  const hint = (text: string): string => {
    try {
      parseJson(text, 'a.json')
    } catch (error) {
      return (error as GitopsError).hint ?? ''
    }
    return 'it parses'
  }
  for (const text of ['{\n  // why\n  "a": 1\n}', '{"a": 1, /* b */ "c": 2}', '{"a": [1, 2,]}', '{\n  "a": 1,\n}\n'])
    expect(hint(text), text).toContain("format: 'jsonc'")
  for (const text of ['{"a": }', '{"a" 1}', '{', '{"a": 1']) expect(hint(text), text).toContain('Mend it first')
})
