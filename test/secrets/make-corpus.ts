/**
 * Makes `test/fixtures/sops` with the real `sops` and `age-keygen`: encrypted files, what `sops --decrypt` prints for
 * each, and files that were tampered with, with the exit code of `sops`. Run by hand: `node test/secrets/make-corpus.ts`,
 * with `sops` 3.13.3 on PATH or named in GITOPS_SOPS. The tests read its output and need neither tool.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const OUT = resolve(import.meta.dirname, '../fixtures/sops')
const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const scratch = mkdtempSync(join(tmpdir(), 'gitops-corpus-'))

interface Case {
  readonly file: string
  readonly format: 'json' | 'yaml' | 'binary'
  /** The file with the plaintext, or what the fault is. */
  readonly plain?: string
  readonly fault?: string
  /** The exit code of the real `sops`. */
  readonly sops: number
  readonly about: string
}

const cases: Case[] = []

rmSync(OUT, { recursive: true, force: true })
mkdirSync(OUT, { recursive: true })
for (const name of ['reader', 'second', 'stranger']) {
  const text = execFileSync('age-keygen', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const marked = `# An example for tests, no secret: whatever is encrypted to it is public.\n${text.replace(/^# created.*\n/, '')}`
  writeFileSync(join(OUT, `${name}.identity`), marked, { mode: 0o600 })
}
const recipientOf = (name: string): string => execFileSync('age-keygen', ['-y', join(OUT, `${name}.identity`)], { encoding: 'utf8' }).trim()
const READER = recipientOf('reader')
const env = { PATH: process.env['PATH'] ?? '', HOME: scratch, SOPS_AGE_KEY_FILE: join(OUT, 'reader.identity') }

function sops(args: readonly string[]): { code: number; out: Buffer; err: string } {
  const ran = spawnSync(SOPS, ['--disable-version-check', ...args], { env, cwd: scratch })
  return { code: ran.status ?? -1, out: ran.stdout, err: ran.stderr.toString() }
}

/** The exit code and output of `sops decrypt`, in a given format. */
function decrypted(file: string, format: string): { code: number; out: Buffer; err: string } {
  return sops(['decrypt', '--input-type', format, '--output-type', format, join(OUT, file)])
}

interface Options {
  readonly format?: Case['format']
  readonly args?: readonly string[]
  /** Options that stand before the command. */
  readonly globals?: readonly string[]
  readonly to?: string
  readonly about: string
}

/** Encrypts with the real tool, and records what it prints when it decrypts. */
function good(file: string, plaintext: string | Buffer, options: Options): string {
  const format = options.format ?? (file.endsWith('.json') ? 'json' : 'yaml')
  const source = join(scratch, 'plain')
  writeFileSync(source, plaintext)
  const args = ['--input-type', format, '--output-type', format, ...(options.args ?? [])]
  const ran = sops([...(options.globals ?? []), 'encrypt', '--age', options.to ?? READER, ...args, source])
  if (ran.code !== 0) throw new Error(`sops could not encrypt ${file}: ${ran.code} ${ran.err}`)
  keep(file, ran.out, format, options.about)
  return ran.out.toString('utf8')
}

function keep(file: string, encrypted: string | Buffer, format: Case['format'], about: string): void {
  writeFileSync(join(OUT, file), encrypted)
  const ran = decrypted(file, format)
  if (ran.code !== 0) throw new Error(`sops could not decrypt ${file}: ${ran.code} ${ran.err}`)
  writeFileSync(join(OUT, `${file}.plain`), ran.out)
  cases.push({ file, format, plain: `${file}.plain`, sops: 0, about })
}

/** A file that must not be read. */
function bad(
  file: string,
  content: string,
  fault: string,
  about: string,
  format: Case['format'] = file.endsWith('.json') ? 'json' : 'yaml',
): void {
  writeFileSync(join(OUT, file), content)
  cases.push({ file, format, fault, sops: decrypted(file, format).code, about })
}

const CLAUDE = {
  oauthAccount: { accountUuid: '00000000-0000-0000-0000-000000000000', emailAddress: 'reader@example.org' },
  mcpServers: { search: { command: 'npx', args: ['-y', 'search-server'], env: { API_KEY: 'canary-json & <key>' } } },
  numStartups: 42,
  hasCompletedOnboarding: true,
}

const TYPES_JSON = `{
  "text": "canary-text", "empty": "", "int": 42, "negative": -7, "zero": -0, "max": 9223372036854775807, "min": -9223372036854775808,
  "beyond": 92233720368547758080, "float": 1.5, "whole": 1.0, "tiny": 1e-7, "huge": 1e300, "true": true, "false": false, "null": null,
  "list": ["a", ["b", ["c", 3]], {}, [], {"deep": [{"er": null}]}], "nothing": {}, "none": [],
  "__proto__": {"polluted": "canary-proto"}, "constructor": "x", "10": "ten", "2": "two", "01": "one", "": "no name",
  "a:b": {"c": "colon"}, "spaced key": 1, "multi": "line one\\nline two\\n", "html": "<a href='x'>&</a>", "separators": "\\u2028\\u2029",
  "control": "\\u0001\\t\\u001b", "surrogates": "\\ud83d\\ude00", "lone": "\\ud800", "unicode": "žluťoučký 漢字 😀"
}`

const TYPES_YAML = `text: canary-text
empty: ""
int: 42
hex: 0x1F
octal: 0777
octal12: 0o17
binary: 0b101
underscores: 1_000
notoctal: 08
max: 9223372036854775807
min: -9223372036854775808
float: 1.5
whole: 1.0
million: 1000000.0
point: .5
exponent: 1e3
tiny: 1e-7
inf: .inf
ninf: -.Inf
nan: .nan
minuszero: -0.0
toobig: 1e400
yes: yes
y: n
"on": off
bools: [true, True, FALSE]
nulls: [~, null, Null, ]
date: 2020-01-01
stamp: 2001-12-14t21:59:43.10-05:00
blank: 2001-12-14 21:59:43.10
nodate: 2020-13-45
sexagesimal: 12:30:45
version: 1.2.3
hash: a#b
quoted: "123"
single: 'true'
tagged: !!str 123
floated: !!float 1
bytes: !!binary /////w==
words: !!binary aGVsbG8=
custom: !vault secret
literal: |
  line one
    line two

folded: >-
  one
  two
keep: |+
  kept

strip: |-
  stripped
leading: "  leading\\nblanks"
trailing: "trailing \\nblank"
tab: "a\\tb"
tabbed: "a\\tb\\n"
special: "\\e\\x01\\ufeff \\u00a0"
emoji: "😀"
dashes: "---"
colon: "a: b"
looks: "#no comment"
indicator: "@x"
long: "${'long '.repeat(60)}end"
merge: "<<"
__proto__: {polluted: canary-proto}
"10": ten
"2": two
"": no name
"a:b": {c: colon}
? ${'key'.repeat(50)}
: {a: 1}
? "multi\\nline"
: 1
nested:
  - - 1
    - - 2
  - a: {b: [c, {d: e}]}
    f:
      - g: |
          literal in a list
  - []
  - {}
`

const COMMENTS = `# canary-comment at the top

# a second block
a: 1 # behind a value
# above b
b:
  # first in b
  c: 2
  # between
  d: # behind a key
    - 1 # behind an item
    # between items
    - 2
    # last in a list
e: |
  text
# above f

# and after a blank line
f:
  - x: 1
    # in a map in a list
  - y: 2 # behind
#
#no blank
g: 3
h: {i: 1} # behind a flow map
# at the end
`

// What is read.
good('types.json', TYPES_JSON, { about: 'JSON: every type, odd keys, unicode' })
good('duplicates.json', '{"a": 1, "a": 2, "b": {"x": "y", "x": "z"}}', { about: 'JSON: a key that is there twice stays twice' })
good('empty-object.json', '{}', { about: 'JSON: nothing at all' })
good('types.yaml', TYPES_YAML, { about: 'YAML: every type and style' })
// `-0.0` in clear: sops writes `-0`, reads an integer, and refuses its own file.
good('clear.yaml', TYPES_YAML.replace('minuszero: -0.0\n', ''), {
  args: ['--unencrypted-regex', '.*'],
  about: 'YAML: every type in clear, counted by the MAC',
})
good('clear.json', TYPES_JSON, { args: ['--unencrypted-regex', '.*'], about: 'JSON: every type in clear, counted by the MAC' })
good('comments.yaml', COMMENTS, { about: 'YAML: comments everywhere' })
good('documents.yaml', '# one\na: 1\n---\n# two\nb: canary-two\n---\nc: [1, 2]\n# end\n', { about: 'YAML: several documents' })
good('empty-document.yaml', '---\na: 1\n---\n---\nb: 2\n', { about: 'YAML: an empty document among others' })
good('anchors.yaml', 'base: &base {a: 1, b: canary-anchor}\ncopy: *base\nmerged:\n  <<: *base\n  c: 3\nlist: [&x 1, *x]\n', {
  about: 'YAML: aliases and merges become copies',
})
good('claude.json.enc', `${JSON.stringify(CLAUDE, null, 2)}\n`, {
  format: 'json',
  about: 'envelope: a JSON document under the name .json.enc',
})
good('claude.binary.json.enc', `${JSON.stringify(CLAUDE, null, 2)}\n`, {
  format: 'binary',
  about: 'envelope: a binary file that holds JSON',
})
good('bytes.enc', Buffer.from(Array.from({ length: 256 }, (_, index) => index)), {
  format: 'binary',
  about: 'envelope: bytes that are no text',
})
good('empty.enc', '', { format: 'binary', about: 'envelope: an empty file' })
good('several.json', '{"a": "for two"}', { to: `${recipientOf('second')},${READER}`, about: 'several recipients' })
good('suffix.json', '{"a_unencrypted": "clear", "b": {"c_unencrypted": {"d": 1}}, "e": "canary-suffix"}', {
  about: 'rule: the default suffix',
})
good('encrypted-suffix.yaml', 'a: clear\nb_secret: canary\nc: {d_secret: [1, 2], e: 3}\n', {
  args: ['--encrypted-suffix', '_secret'],
  about: 'rule: encrypted_suffix',
})
good('encrypted-regex.yaml', '# clear\nkind: Secret\nData:\n  # hidden\n  a: canary\n', {
  args: ['--encrypted-regex', '(?i)^data$'],
  about: 'rule: encrypted_regex with a flag that only RE2 has',
})
good('unencrypted-regex.json', '{"name": "clear", "deep": {"rename": 1, "a": "canary"}}', {
  args: ['--unencrypted-regex', 'name'],
  about: 'rule: unencrypted_regex',
})
const onlyEncrypted = good('mac-only.yaml', 'a: clear\nb_secret: canary\n', {
  globals: ['--mac-only-encrypted'],
  args: ['--encrypted-suffix', '_secret'],
  about: 'MAC over encrypted values only',
})
keep('mac-only-edited.yaml', onlyEncrypted.replace('a: clear', 'a: edited'), 'yaml', 'MAC over encrypted values only: others may be edited')
for (const [file, option] of [
  ['encrypted-comment.yaml', '--encrypted-comment-regex'],
  ['unencrypted-comment.yaml', '--unencrypted-comment-regex'],
] as const) {
  const source = join(scratch, 'plain.yaml')
  writeFileSync(source, 'a: one\n# mark\nb:\n  c: two\n  # more\n  d: three\ne: four\n')
  keep(file, sops(['--encrypt', '--age', READER, option, 'mark', source]).out, 'yaml', `rule: ${option.slice(2).replaceAll('-', '_')}`)
}

const base = good('base.json', '{"name_unencrypted": "clear", "list": ["canary-one", "canary-two"], "deep": {"key": "canary-three"}}', {
  about: 'what the changed files below were',
})
const yamlBase = good('base.yaml', 'name_unencrypted: clear\nlist:\n  - canary-one\n  - canary-two\n', {
  about: 'what the changed YAML files below were',
})
const edit = (text: string, change: (tree: Tree) => void): string => {
  const tree = JSON.parse(text) as Tree
  change(tree)
  return `${JSON.stringify(tree, null, '\t')}\n`
}
interface Tree {
  name_unencrypted: string
  list: string[]
  deep: { key: string }
  sops: Record<string, unknown>
}

// What looks changed but is not, or is not covered by the format.
keep('reformatted.json', JSON.stringify(JSON.parse(base)), 'json', 'another layout of the same file')
keep(
  'renamed.json',
  base.replace('"name_unencrypted"', '"other_unencrypted"'),
  'json',
  'a key in clear may be renamed: the MAC does not cover it',
)
keep(
  'other-keys.json',
  edit(base, ({ sops: block }) => {
    block['pgp'] = [{ created_at: '2026-01-01T00:00:00Z', enc: 'x', fp: 'F'.repeat(40) }]
  }),
  'json',
  'keys of other kinds are passed over when an age key opens the file',
)
keep(
  'legacy.json',
  edit(base, ({ sops: block }) => Object.assign(block, { kms: null, gcp_kms: [], attention: 'old', mac_only_encrypted: false })),
  'json',
  'empty lists of other keys, as old versions wrote them',
)
keep(
  'fraction.json',
  edit(base, ({ sops: block }) => {
    block['lastmodified'] = String(block['lastmodified']).replace('Z', '.123+00:00')
  }),
  'json',
  'a time with fraction and offset means the same',
)
keep(
  'junk-entry.json',
  edit(base, ({ sops: block }) => {
    block['age'] = [{ recipient: READER, enc: 'junk' }, ...(block['age'] as unknown[])]
  }),
  'json',
  'an entry that is no age file is passed over',
)
keep(
  'flow.yaml',
  yamlBase
    .replace(/list:\n +- (\S+)\n +- (\S+)/, 'list: ["$1", \'$2\']')
    .replace(/^name_unencrypted: clear/m, '"name_unencrypted":   !!str clear'),
  'yaml',
  'another style of the same YAML',
)

// What must be refused.
bad('tampered-clear.json', base.replace('"clear"', '"changed"'), 'mac', 'a value in clear was changed')
bad('tampered-clear.yaml', yamlBase.replace('clear', 'changed'), 'mac', 'a value in clear was changed')
bad(
  'swapped.json',
  edit(base, (tree) => Object.assign(tree, { list: tree.list.toReversed() })),
  'mac',
  'two items of a list changed places',
)
bad(
  'dropped.json',
  edit(base, ({ list }) => list.pop()),
  'mac',
  'an item was taken out',
)
bad(
  'added.json',
  edit(base, (tree) => Object.assign(tree, { more_unencrypted: 'x' })),
  'mac',
  'a value in clear was added',
)
bad(
  'moved-time.json',
  edit(base, ({ sops: block }) => {
    block['lastmodified'] = '2020-01-01T00:00:00Z'
  }),
  'mac',
  'the time of the last change was changed',
)
bad(
  'no-mac.json',
  edit(base, ({ sops: block }) => {
    delete block['mac']
  }),
  'mac',
  'the MAC is gone',
)
bad(
  'foreign-mac.json',
  edit(base, ({ sops: block }) => {
    block['mac'] = (JSON.parse(readFileSync(join(OUT, 'several.json'), 'utf8')) as Tree).sops['mac']
  }),
  'mac',
  'the MAC of another file',
)
bad(
  'flag-mac.json',
  edit(base, ({ sops: block }) => {
    block['mac_only_encrypted'] = true
  }),
  'mac',
  'the MAC was told to leave values out',
)
bad(
  'in-clear.json',
  edit(base, ({ deep }) => {
    deep.key = 'canary-clear'
  }),
  'value',
  'a value stands in clear where it should be encrypted',
)
bad('number.json', base.replace(/"key": "[^"]+"/, '"key": 5'), 'value', 'a number stands where an encrypted value should')
bad('renamed-key.json', base.replace('"deep"', '"deeper"'), 'value', 'a key above an encrypted value was renamed')
bad(
  'bit.json',
  edit(base, ({ deep }) => {
    deep.key = deep.key.replace(/data:(.)/, (_, first: string) => `data:${first === 'A' ? 'B' : 'A'}`)
  }),
  'value',
  'a bit of a value was changed',
)
bad(
  'short-tag.json',
  edit(base, ({ deep }) => {
    deep.key = deep.key.replace(/tag:[^,]+/, (tag) => `tag:${Buffer.from(tag.slice(4), 'base64').subarray(0, 12).toString('base64')}`)
  }),
  'value',
  'a tag was cut to 12 bytes',
)
bad(
  'lax-base64.json',
  edit(base, ({ deep }) => {
    deep.key = deep.key.replace(/data:(....)/, 'data:$1*')
  }),
  'value',
  'base64 with a character that is none',
)
bad(
  'unpadded.json',
  edit(base, ({ deep }) => {
    deep.key = deep.key.replace(/==,type/, ',type')
  }),
  'value',
  'base64 without its padding',
)
bad(
  'other-type.json',
  edit(base, ({ deep }) => {
    deep.key = deep.key.replace('type:str', 'type:int')
  }),
  'value',
  'a value was given another type',
)
bad(
  'unknown-type.json',
  edit(base, ({ deep }) => {
    deep.key = deep.key.replace('type:str', 'type:map')
  }),
  'value',
  'a type that there is not',
)
bad(
  'two-rules.json',
  edit(base, ({ sops: block }) => {
    block['encrypted_regex'] = 'x'
  }),
  'metadata',
  'two rules at once',
)
bad(
  'bad-regex.json',
  edit(base, ({ sops: block }) => {
    delete block['unencrypted_suffix']
    block['encrypted_regex'] = '('
  }),
  'metadata',
  'a rule that is no regular expression',
)
bad(
  'lookahead.json',
  edit(base, ({ sops: block }) => {
    delete block['unencrypted_suffix']
    block['encrypted_regex'] = '(?=a)'
  }),
  'metadata',
  'a rule that RE2 refuses',
)
bad(
  'no-time.json',
  edit(base, ({ sops: block }) => {
    block['lastmodified'] = 'yesterday'
  }),
  'metadata',
  'the time of the last change is none',
)
bad(
  'no-keys.json',
  edit(base, ({ sops: block }) => {
    block['age'] = []
  }),
  'metadata',
  'no keys at all',
)
bad('two-blocks.json', base.replace(/\}\s*$/, ', "sops": {}}'), 'metadata', 'two blocks of SOPS')
bad('text-block.json', '{"a": "b", "sops": "no block"}\n', 'metadata', 'the block of SOPS is text')
bad('cut.json', base.slice(0, 200), 'syntax', 'the file was cut')
bad('conflict.yaml', `<<<<<<< HEAD\n${yamlBase}=======\n${yamlBase}>>>>>>> theirs\n`, 'syntax', 'a merge conflict')
bad('twice.yaml', `name_unencrypted: clear\n${yamlBase}`, 'syntax', 'a key is there twice')
bad('nothing.json', '', 'empty', 'an empty file')
bad('nothing.yaml', '\n', 'empty', 'an empty YAML file')
bad('never.json', '{"a": "canary-plain"}\n', 'not-sops', 'a file that never was encrypted')
bad('never.yaml', 'a: canary-plain\n', 'not-sops', 'a YAML file that never was encrypted')
bad('stranger.json', sopsFor('stranger'), 'no-key', 'encrypted to somebody else')
bad(
  'only-pgp.json',
  edit(base, ({ sops: block }) => {
    delete block['age']
    block['pgp'] = [{ created_at: '2026-01-01T00:00:00Z', enc: 'x', fp: 'F'.repeat(40) }]
  }),
  'no-key',
  'encrypted to keys of another kind only',
)

function sopsFor(name: string): string {
  const source = join(scratch, 'plain')
  writeFileSync(source, '{"a": "canary-foreign"}')
  return sops(['encrypt', '--age', recipientOf(name), '--input-type', 'json', '--output-type', 'json', source]).out.toString('utf8')
}

// Two groups of keys, of which both are needed.
writeFileSync(
  join(scratch, '.sops.yaml'),
  `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [${READER}]\n      - age: [${recipientOf('second')}]\n`,
)
writeFileSync(join(scratch, 'plain.json'), '{"a": "canary-shamir"}')
bad('groups.json', sops(['encrypt', 'plain.json']).out.toString('utf8'), 'no-key', 'two groups of keys, of which one is open')

// Three, of which any two are enough.
const groups = ['reader', 'second', 'stranger'].map((name) => `      - age: [${recipientOf(name)}]\n`).join('')
writeFileSync(join(scratch, '.sops.yaml'), `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n${groups}`)
writeFileSync(join(scratch, 'plain.yaml'), 'a: canary-three\n')
writeFileSync(join(OUT, 'three-groups.yaml'), sops(['encrypt', 'plain.yaml']).out)

writeFileSync(join(OUT, 'cases.json'), `${JSON.stringify(cases, null, 1)}\n`)
rmSync(scratch, { recursive: true, force: true })
for (const { file, fault, sops: code } of cases) if (fault !== undefined) console.log(`${file}: ${fault}, sops ${code}`)
