import * as fc from 'fast-check'

/** A way to change an encrypted file, with two numbers from 0 to 1 that say where. */
export interface Tampering {
  readonly name: string
  readonly change: (text: string, where: number, what: number) => string
}

const ENC = /ENC\[AES256_GCM,data:[^,\]]+,iv:[^,\]]+,tag:[^,\]]+,type:\w+\]/g
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

const pick = <T>(values: ArrayLike<T>, where: number): T | undefined => values[Math.floor(where * values.length)]

/** Changes one of the matches of a pattern. */
function one(text: string, pattern: RegExp, where: number, change: (match: string) => string): string {
  const match = pick([...text.matchAll(pattern)], where)
  if (match === undefined) return text
  return text.slice(0, match.index) + change(match[0]) + text.slice(match.index + match[0].length)
}

/** Changes one part of one encrypted value. */
const part = (name: string, change: (base64: string, what: number) => string) => (text: string, where: number, what: number) =>
  one(text, ENC, where, (value) => value.replace(new RegExp(`${name}:([^,]+)`), (_, base64: string) => `${name}:${change(base64, what)}`))

function flipped(base64: string, what: number): string {
  const at = Math.floor(what * base64.replace(/=+$/, '').length)
  const other = pick(ALPHABET, what) === base64[at] ? '0' : (pick(ALPHABET, what) ?? '0')
  return base64.slice(0, at) + other + base64.slice(at + 1)
}

function pickLine(text: string, where: number): { lines: string[]; at: number } {
  const lines = text.split('\n')
  return { lines, at: Math.floor(where * lines.length) }
}

function swapped(text: string, where: number, what: number): string {
  const values = [...text.matchAll(ENC)]
  const [first, second] = [pick(values, where), pick(values, what)].sort((a, b) => (a?.index ?? 0) - (b?.index ?? 0))
  if (first === undefined || second === undefined || first === second) return text
  const between = text.slice(first.index + first[0].length, second.index)
  return text.slice(0, first.index) + second[0] + between + first[0] + text.slice(second.index + second[0].length)
}

const metadata =
  (name: string, value: string) =>
  (text: string): string =>
    text.replace(new RegExp(`("?${name}"?: |${name} *= *)("[^"\\n]*"|[^,\\n]+)`), (_, before: string) => `${before}${value}`)

/** What somebody with write access could do to a file, by accident or not. */
const TAMPERINGS: readonly Tampering[] = [
  ...['data', 'iv', 'tag'].flatMap((name): Tampering[] => [
    { name: `flip ${name}`, change: part(name, flipped) },
    { name: `cut ${name}`, change: part(name, (base64, what) => base64.slice(0, Math.max(4, 4 * Math.floor((what * base64.length) / 4)))) },
    { name: `unpad ${name}`, change: part(name, (base64) => base64.replace(/=+$/, '')) },
    {
      name: `junk in ${name}`,
      change: part(
        name,
        (base64, what) => base64.slice(0, 4) + (pick(['*', '-', '_', ' ', '\\n', '%', '='], what) ?? '') + base64.slice(4),
      ),
    },
  ]),
  {
    name: 'short tag',
    change: part('tag', (base64, what) =>
      Buffer.from(base64, 'base64')
        .subarray(0, Math.floor(what * 16))
        .toString('base64'),
    ),
  },
  {
    name: 'other type',
    change: (text, where, what) =>
      one(text, ENC, where, (value) =>
        value.replace(/type:\w+/, `type:${pick(['str', 'int', 'float', 'bool', 'bytes', 'time', 'comment', 'map', ''], what)}`),
      ),
  },
  { name: 'cut value', change: (text, where, what) => one(text, ENC, where, (value) => value.slice(0, Math.floor(what * value.length))) },
  {
    name: 'value in clear',
    change: (text, where, what) =>
      one(
        text,
        ENC,
        where,
        () => pick(['clear', '5', 'true', 'null', '""', 'ENC[]', '1.5', 'ENC[AES256_GCM,data:,iv:,tag:,type:str]'], what) ?? '',
      ),
  },
  {
    name: 'text behind a value',
    change: (text, where, what) => one(text, ENC, where, (value) => value + (pick(['x', ' ', ']', ',type:int]'], what) ?? '')),
  },
  { name: 'swap values', change: swapped },
  { name: 'delete line', change: (text, where) => ((found) => found.lines.toSpliced(found.at, 1).join('\n'))(pickLine(text, where)) },
  {
    name: 'repeat line',
    change: (text, where) => ((found) => found.lines.toSpliced(found.at, 0, found.lines[found.at] ?? '').join('\n'))(pickLine(text, where)),
  },
  {
    name: 'swap lines',
    change: (text, where) =>
      ((found) => found.lines.toSpliced(found.at, 2, found.lines[found.at + 1] ?? '', found.lines[found.at] ?? '').join('\n'))(
        pickLine(text, where),
      ),
  },
  { name: 'cut file', change: (text, where) => text.slice(0, Math.floor(where * text.length)) },
  {
    name: 'change a character',
    change: (text, where, what) =>
      ((at) => text.slice(0, at) + String.fromCharCode(32 + Math.floor(what * 95)) + text.slice(at + 1))(Math.floor(where * text.length)),
  },
  {
    name: 'delete a character',
    change: (text, where) => ((at) => text.slice(0, at) + text.slice(at + 1))(Math.floor(where * text.length)),
  },
  ...[
    '""',
    '"2020-01-01T00:00:00Z"',
    '2020-01-01T00:00:00Z',
    '"yesterday"',
    '5',
    'null',
    '"2020-01-01"',
    '"2020-01-01T00:00:00"',
    '"2020-13-01T00:00:00Z"',
    '"2020-01-01t00:00:00z"',
    '"2020-01-01 00:00:00Z"',
  ].map((value) => ({ name: `lastmodified ${value}`, change: metadata('lastmodified', value) })),
  ...['""', 'null', '"3"', '"3.x"', '"1.99"', '"9.9.9"', '3.7', '"3.9.0-rc.1"', '"v3.9.0"', 'true', '[]'].map((value) => ({
    name: `version ${value}`,
    change: metadata('version', value),
  })),
  ...['""', 'null', '"ENC["', '5'].map((value) => ({ name: `mac ${value}`, change: metadata('mac', value) })),
  ...['""', 'null', '"a"', '5', 'true', '[]'].map((value) => ({ name: `suffix ${value}`, change: metadata('unencrypted_suffix', value) })),
  ...['"x"', '""', 'null', '5', 'age1qqq'].map((value) => ({ name: `recipient ${value}`, change: metadata('recipient', value) })),
  { name: 'wrapped key', change: (text, where, what) => one(text, /[A-Za-z0-9+/]{60}/g, where, (line) => flipped(line, what)) },
  ...[
    '"mac_only_encrypted": true',
    '"mac_only_encrypted": "true"',
    '"encrypted_regex": "x"',
    '"shamir_threshold": 2',
    '"shamir_threshold": "x"',
    '"kms": []',
    '"pgp": null',
    '"pgp": "x"',
    '"age": []',
    '"key_groups": []',
    '"unknown": {"a": 1}',
    '"MAC": "x"',
    '"encrypted_suffix": ""',
  ].map((line) => ({
    name: `add ${line}`,
    change: (text: string) =>
      text.includes('"sops": {')
        ? text.replace('"sops": {', `"sops": {${line},`)
        : text.replace(/^sops:\n( +)/m, (_, indent: string) => `sops:\n${indent}${line}\n${indent}`),
  })),
]

/** One of them, and where. */
export const tampering: fc.Arbitrary<(text: string) => { name: string; text: string }> = fc
  .record({
    how: fc.constantFrom(...TAMPERINGS),
    where: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    what: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  })
  .map(({ how, where, what }) => (text) => ({ name: how.name, text: how.change(text, where, what) }))
