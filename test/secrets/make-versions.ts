/**
 * Makes `test/fixtures/sops/versions/<version>` with one more version of the real `sops`: files that it encrypted, and what the
 * newest one prints for each. Run by hand: `node test/secrets/make-versions.ts PROGRAM`, with `sops` 3.13.3 on PATH or named in
 * GITOPS_SOPS. Only the directory of that version is made anew; the identities are those of the corpus.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const CORPUS = resolve(import.meta.dirname, '../fixtures/sops')
const NEWEST = process.env['GITOPS_SOPS'] ?? 'sops'
const program = process.argv[2] ?? NEWEST
const version = /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown'
const out = join(CORPUS, 'versions', version)
const scratch = mkdtempSync(join(tmpdir(), 'gitops-versions-'))
const env = { PATH: process.env['PATH'] ?? '', HOME: scratch, SOPS_AGE_KEY_FILE: join(CORPUS, 'reader.identity') }
const reader = /^# public key: (\S+)/m.exec(readFileSync(join(CORPUS, 'reader.identity'), 'utf8'))?.[1] ?? ''

type Format = 'json' | 'yaml' | 'dotenv' | 'ini' | 'binary'

const JSON_TYPES = `{"text": "canary", "empty": "", "int": 42, "negative": -7, "float": 1.5, "tiny": 1e-7, "big": 1e21, "true": true, "false": false,
  "null": null, "list": ["a", ["b", 3], {}, [], {"deep": [null, "c"]}], "__proto__": {"x": "canary"}, "10": "ten", "2": "two", "": "no name",
  "a:b": {"c": "colon"}, "lines": "one\\ntwo\\n", "markup": "<a>&", "unicode": "漢字 😀", "clear_unencrypted": {"a": [1, 2.5, "x", true]}}`
const YAML_TYPES = `text: canary
empty: ""
int: 42
hex: 0x1F
octal: 0777
float: 1.5
exponent: 1e3
inf: .inf
yes: yes
bools: [true, FALSE]
nulls: [~, null]
quoted: "123"
literal: |
  one
    two

folded: >-
  one
  two
list:
  - a
  - - b
    - {c: d, e: [1]}
"10": ten
"2": two
"": no name
"a:b": {c: colon}
clear_unencrypted:
  a: [1, 2.5, x, true, 0b11]
`
const COMMENTS = `# at the top

# a second block
a: 1
# above b
b:
  # first in b
  c: 2
  # above d
  d: x
# above e
e: |
  text
# at the end
`
const DOTENV = '# note\nA=canary\nB=two words\nC=\nD=a=b#c\nE="quoted"\nF=one\\ntwo\nclear_unencrypted=x\n'
const INI = '; note\ntop = canary\n\n[section]\na = 1\nb = two words\nc = \n\n[other]\nclear_unencrypted = x\n'

interface Wanted {
  readonly file: string
  readonly format: Format
  readonly plaintext: string | Buffer
  readonly args?: readonly string[]
}

const files: readonly Wanted[] = [
  { file: 'types.json', format: 'json', plaintext: JSON_TYPES },
  { file: 'types.yaml', format: 'yaml', plaintext: YAML_TYPES },
  { file: 'comments.yaml', format: 'yaml', plaintext: COMMENTS },
  { file: 'list-comments.yaml', format: 'yaml', plaintext: 'a:\n  # one\n  - 1\n  # two\n  - 2\nb:\n  - c: 3 # three\n' },
  { file: 'documents.yaml', format: 'yaml', plaintext: '# one\na: 1\n---\n# two\nb: canary\n---\nc: [1, 2]\n' },
  { file: 'anchors.yaml', format: 'yaml', plaintext: 'base: &base {a: 1, b: canary}\ncopy: *base\nmerged:\n  <<: *base\n  c: 3\n' },
  { file: 'variables.env', format: 'dotenv', plaintext: DOTENV },
  { file: 'sections.ini', format: 'ini', plaintext: INI },
  { file: 'bytes.enc', format: 'binary', plaintext: Buffer.from(Array.from({ length: 256 }, (_, index) => index)) },
  { file: 'text.enc', format: 'binary', plaintext: 'canary\n' },
  { file: 'suffix.yaml', format: 'yaml', plaintext: 'a: clear\nb_secret: canary\n', args: ['--encrypted-suffix', '_secret'] },
  {
    file: 'regex.yaml',
    format: 'yaml',
    plaintext: 'kind: Secret\ndata:\n  a: canary\n',
    args: ['--encrypted-regex', '^(data|stringData)$'],
  },
  {
    file: 'clear-regex.json',
    format: 'json',
    plaintext: '{"kind": "Secret", "n": 5, "data": {"a": "canary"}}',
    args: ['--unencrypted-regex', '^(kind|n)$'],
  },
  {
    file: 'mac-only.yaml',
    format: 'yaml',
    plaintext: 'a: clear\nb_secret: canary\n',
    args: ['--mac-only-encrypted', '--encrypted-suffix', '_secret'],
  },
  // What random documents have shown: each was once read otherwise than sops reads it.
  { file: 'closed-early.yaml', format: 'yaml', plaintext: 'a:\n  b: {} # an empty mapping with a comment\n  c: {} # and one more\nd: 1\n' },
  { file: 'merge-key.yaml', format: 'yaml', plaintext: 'a: 1\n---\n"<<": canary\n' },
  { file: 'anchor-in-anchor.yaml', format: 'yaml', plaintext: 'a: &a\n  b: &a [canary]\nc: *a\n' },
  { file: 'open-block.yaml', format: 'yaml', plaintext: 'a: 1\nb: |\n  canary' },
  { file: 'nonspecific-tag.yaml', format: 'yaml', plaintext: 'a_unencrypted: ! 0777\nb: canary\n' },
]

/** In the form of the command line that all versions have. */
function run(sops: string, verb: '--encrypt' | '--decrypt', format: Format, file: string, args: readonly string[] = []): Buffer | null {
  const ran = spawnSync(sops, [verb, '--age', reader, '--input-type', format, '--output-type', format, ...args, file], {
    env,
    cwd: scratch,
  })
  if (ran.status !== 0) console.log(`${version} ${verb} ${file}: ${ran.status} ${ran.stderr.toString().split('\n')[0]}`)
  return ran.status === 0 ? ran.stdout : null
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const made: { readonly file: string; readonly format: Format }[] = []
for (const { file, format, plaintext, args } of files) {
  const source = join(scratch, 'plain')
  writeFileSync(source, plaintext)
  const encrypted = run(program, '--encrypt', format, source, args)
  if (encrypted === null) continue
  writeFileSync(join(out, file), encrypted)
  const printed = run(NEWEST, '--decrypt', format, join(out, file))
  if (printed === null) {
    rmSync(join(out, file))
    continue
  }
  writeFileSync(join(out, `${file}.plain`), printed)
  made.push({ file, format })
}
writeFileSync(join(out, 'cases.json'), `${JSON.stringify(made, null, 1)}\n`)
rmSync(scratch, { recursive: true, force: true })
console.log(`${version}: ${made.length} files`)
