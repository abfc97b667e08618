import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { documentsWith } from '../../lib/documents/documents.ts'
import { merge, takeBackEdits, type Edit } from '../../lib/model/edits.ts'
import { isObject, type Json } from '../../lib/model/json.ts'
import type { CoOwnership } from '../../lib/model/lists.ts'

const documents = documentsWith([])
const as = (strategy: string): CoOwnership => ({ strategy, lists: {}, lock: null })

type Value = { readonly [key: string]: Value } | string

/** A text for each key, or a document below it. */
const tree = (notations: readonly string[]): fc.Arbitrary<{ readonly [key: string]: Value }> => {
  const value = fc.constantFrom(...notations)
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const inner = fc.dictionary(key, value, { minKeys: 1, maxKeys: 3 })
  return fc.dictionary(key, fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: inner }), { minKeys: 1, maxKeys: 5 })
}

const lines = (texts: readonly string[], indent: string): string => texts.map((text) => indent + text).join('\n')

const json = (value: Value, indent: string, note: string): string =>
  typeof value === 'string'
    ? value
    : `{${note}\n${Object.entries(value)
        .map(([key, each]) => `${indent}  "${key}" : ${json(each, `${indent}  `, note)}`)
        .join(`,${note}\n`)}${note}\n${indent}}`

const yaml = (value: { readonly [key: string]: Value }, indent: string): string =>
  Object.entries(value)
    .map(([key, each]) =>
      typeof each === 'string' ? `${indent}${key}:${each}\n` : `${indent}${key}: # below\n${yaml(each, `${indent}  `)}`,
    )
    .join('')

const toml = (value: { readonly [key: string]: Value }): string => {
  const entries = Object.entries(value)
  const plain = entries.flatMap(([key, each]) => (typeof each === 'string' ? [`${key}  = ${each} # of ${key}`] : []))
  const tables = entries.flatMap(([key, each]) => (typeof each === 'string' ? [] : [`\n# table\n[ ${key} ]\n${toml(each)}`]))
  return [lines(plain, ''), plain.length === 0 ? '' : '\n', ...tables].join('')
}

/** Ways to write values, none of which is the one that we would choose. */
const JSON_TEXTS = [
  '1.0',
  '1e3',
  '-0',
  '"\\u0061"',
  '"a\\/b"',
  '[1,2]',
  '[ ]',
  '[\n      1,\n  2 ]',
  '{}',
  '{"x":1,  "y":[]}',
  'null',
  '12345678901234567890',
]
const FORMATS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  json: tree(JSON_TEXTS).map((value) => `${json(value, '', '')}\n`),
  jsonc: tree([...JSON_TEXTS, '[ 1, // one\n 2, ]']).map((value) => `// first\n${json(value, '', ' // note')}\n`),
  yaml: tree([
    ' 0x1F',
    ' 1.0',
    ' yes',
    " 'it''s'",
    ' "\\x61"',
    ' ~',
    '',
    ' 2024-01-01',
    '   wide # note',
    ' [ 1,2 ]',
    ' {x: 1}',
    ' |\n     literal\n     text',
    ' >-\n     folded\n     text',
    '\n  - one # first\n  - two',
    ' # note\n     - one',
    '\n     x: 1 # in it\n     y: "2"',
  ]).map((value) => `# first\n${yaml(value, '')}`),
  toml: tree([
    '0x1F',
    '1_000',
    '1.0',
    "'literal'",
    '"""\nmany\nlines"""',
    '1979-05-27T07:32:00Z',
    '[ 1, # one\n  2, ]',
    '{ x = 1 }',
    'inf',
    '"\\u0061"',
  ]).map((value) => `# first\n${toml(value)}`),
}

const wish = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'new'),
  fc.oneof(
    fc.constantFrom<Json>(true, 7, 'ours', 'two\nlines\n', ['x', 'y']),
    fc.dictionary(fc.constantFrom('a', 'x', 'new'), fc.constantFrom<Json>(false, 'q')),
  ),
  { maxKeys: 3 },
)

describe.each(Object.entries(FORMATS))('%s', (strategy, document) => {
  test('a document that nobody else has written to is byte for byte as it was when our keys are taken back', async () => {
    await fc.assert(
      fc.asyncProperty(document, wish, fc.boolean(), async (plain, wanted, dos) => {
        const text = dos ? plain.replaceAll('\n', '\r\n') : plain
        const live = await documents.read(as(strategy), text, 'f')
        const { edits } = merge(undefined, wanted, live)
        // A table with a header of its own is no text in one piece.
        fc.pre(strategy !== 'toml' || !edits.some(({ before }) => isObject(before) && JSON.stringify(before) !== '{"x":1}'))
        const texts = await documents.written(
          as(strategy),
          text,
          edits.map(({ path }) => path),
        )
        const known = edits.map((edit, index): Edit =>
          Object.assign(edit, typeof texts[index] === 'string' && { beforeText: texts[index] }),
        )
        const next = await documents.write(as(strategy), text, known, 'f')
        const back = takeBackEdits(known, await documents.read(as(strategy), next, 'f'))
        expect(await documents.write(as(strategy), next, back.edits, 'f'), next).toBe(text)
      }),
      { numRuns: 60 },
    )
  })
})
