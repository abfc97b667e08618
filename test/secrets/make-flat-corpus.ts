/**
 * Makes `test/fixtures/sops/flat` with the real `sops`: dotenv and INI files, what `sops decrypt` prints for each, also in other formats,
 * and files that were tampered with, with its exit code. Run by hand, with `sops` 3.13.3 in GITOPS_SOPS and older ones as arguments:
 * `node test/secrets/make-flat-corpus.ts 3.7.3=/path/to/sops 3.9.4=/path/to/sops`. It uses the identity of the other corpus.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const OUT = resolve(import.meta.dirname, '../fixtures/sops/flat')
const IDENTITY = join(OUT, '../reader.identity')
const READER = /public key: (\S+)/.exec(readFileSync(IDENTITY, 'utf8'))?.[1] ?? ''
const scratch = mkdtempSync(join(tmpdir(), 'gitops-corpus-'))
const env = { PATH: process.env['PATH'] ?? '', HOME: scratch, SOPS_AGE_KEY_FILE: IDENTITY }

type Format = 'json' | 'yaml' | 'dotenv' | 'ini' | 'binary'
interface Case {
  readonly file: string
  readonly format: Format
  /** What it is decrypted to, if not its own format. */
  readonly output?: Format
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

function sops(args: readonly string[], tool = SOPS): { code: number; out: Buffer; err: string } {
  const ran = spawnSync(tool, args, { env, cwd: scratch })
  return { code: ran.status ?? -1, out: ran.stdout, err: ran.stderr.toString() }
}

const formatOf = (file: string): Format =>
  file.endsWith('.env') ? 'dotenv' : file.endsWith('.ini') ? 'ini' : file.endsWith('.json') ? 'json' : 'yaml'
const types = (input: Format, output: Format = input): string[] => ['--input-type', input, '--output-type', output]

/** Encrypts with the real tool, and records what the newest one prints when it decrypts. */
function good(file: string, plaintext: string, about: string, options: { args?: string[]; tool?: string | undefined } = {}): string {
  const source = join(scratch, 'plain')
  writeFileSync(source, plaintext)
  const ran = sops(['--encrypt', '--age', READER, ...types(formatOf(file)), ...(options.args ?? []), source], options.tool)
  if (ran.code !== 0) throw new Error(`sops could not encrypt ${file}: ${ran.code} ${ran.err}`)
  keep(file, ran.out.toString('utf8'), about)
  return ran.out.toString('utf8')
}

function keep(file: string, encrypted: string, about: string): void {
  writeFileSync(join(OUT, file), encrypted)
  into(file, formatOf(file), about)
}

/** Records what a file is in a format, or with which code that is refused. */
function into(file: string, output: Format, about: string, fault = 'shape'): void {
  const format = formatOf(file)
  const ran = sops(['decrypt', ...types(format, output), join(OUT, file)])
  const other = output === format ? {} : { output }
  if (ran.code !== 0 && output === format) throw new Error(`sops could not decrypt ${file}: ${ran.code} ${ran.err}`)
  if (ran.code !== 0) return void cases.push({ file, format, ...other, fault, sops: ran.code, about })
  const plain = `${file}.${output === format ? '' : `${output}.`}plain`
  writeFileSync(join(OUT, plain), ran.out)
  cases.push({ file, format, ...other, plain, sops: 0, about })
}

/** A file that must not be read. */
function bad(file: string, content: string, fault: string, about: string): void {
  writeFileSync(join(OUT, file), content)
  const ran = sops(['decrypt', ...types(formatOf(file)), join(OUT, file)])
  cases.push({ file, format: formatOf(file), fault, sops: ran.code, about })
}

const DOTENV = `# canary-comment
A=canary-one
export B="canary two" # no comment
#
MULTI=one\\ntwo\\n
EMPTY=
E=a=b==
 key with blanks =v
__proto__=polluted
10=ten
2=two
UNI=žluť 漢字 😀
CR=line\r
A=again
PLAIN_unencrypted=clear = #"x"
`
const INI = `; canary-comment
root = canary-root
[first] ; behind
; above
; two lines
key = canary value
long_key: "quoted"
hash = \`a;b#c\`
multi = """one
two"""
equals = a=b:c
empty =
blank = "  x  "
plain_unencrypted = clear
uni = žluť 漢字 😀

[second.part "x"]
10 = ten
2 = two
__proto__ = polluted
k = v # behind a value
[first]
key = again
[DEFAULT]
more = yes
`
const env3 = good('types.env', DOTENV, 'dotenv: every kind of line')
good('empty.env', '', 'dotenv: nothing at all')
good('comments.env', '#only\n# comments\n', 'dotenv: nothing but comments')
good('encrypted-suffix.env', 'A=clear\nB_secret=canary\n#clear?\n', 'dotenv: encrypted_suffix', { args: ['--encrypted-suffix', '_secret'] })
const ini3 = good('types.ini', INI, 'INI: every kind of line')
good('empty.ini', '', 'INI: nothing at all')
good('section.ini', '[only]\n', 'INI: an empty section')
good('encrypted-regex.ini', '; clear\n[a]\nk = clear\n[data]\n; hidden\nk = canary\n', 'INI: encrypted_regex', {
  args: ['--encrypted-regex', '^data$'],
})
for (const [version = '', tool] of process.argv.slice(2).map((text) => text.split('='))) {
  good(`types-${version}.env`, DOTENV.replace(/^CR=.*\n/m, ''), `dotenv: every kind of line, by version ${version}`, { tool })
  good(
    `types-${version}.ini`,
    INI.replace(/^\[first\]\nkey = again\n/m, '').replace(/^\[DEFAULT\]\nmore.*\n/m, ''),
    `INI: every kind of line, by version ${version}`,
    { tool },
  )
}

// Looks changed, and is not.
keep(
  'several-lines.ini',
  ini3.replace(/^(age__list_0__map_enc +)= (.*)$/m, (_, name: string, value: string) => `${name}= """${value.replaceAll('\\n', '\n')}"""`),
  'INI: a block with values of several lines',
)
keep(
  'reordered.env',
  `${env3
    .split('\n')
    .filter((line) => line.startsWith('sops_'))
    .toReversed()
    .join('\n')}\n\n${env3.replaceAll(/^sops_.*\n/gm, '')}`,
  'dotenv: the block comes first, in another order',
)
keep('comment-in-clear.env', `# added by hand\n${env3}`, 'dotenv: a comment that was added in clear')
keep('crlf.ini', ini3.replaceAll('\n', '\r\n'), 'INI: lines that end as on Windows')
keep(
  'layout.ini',
  ini3
    .replaceAll(/ += /g, '=')
    .replaceAll(/^(\w+=)/gm, '  $1')
    .replaceAll('\n\n', '\n\n\n'),
  'INI: another layout of the same file',
)

// Other formats.
for (const output of ['json', 'ini', 'binary'] as const) into('types.env', output, `dotenv into ${output}`)
for (const output of ['json', 'dotenv', 'binary'] as const) into('types.ini', output, `INI into ${output}`)
good('once.env', DOTENV.replace(/^A=again\n/m, ''), 'dotenv: no key is there twice')
good('once.ini', INI.replace(/^\[first\]\nkey = again\n/m, '').replace(/^\[DEFAULT\]\nmore.*\n/m, ''), 'INI: no section is there twice')
into('once.env', 'yaml', 'dotenv into yaml')
into('once.ini', 'yaml', 'INI into yaml')
good('flat.json', '{"a": "x", "n": 5, "f": 1.5, "g": 1e30, "w": 1.0, "t": true, "m": "l\\nm"}', 'JSON: nothing nested')
good('nested.json', '{"s": {"a": "x ", "n": 5, "f": 1.0, "t": false, "q": "a;b", "m": "l\\nm"}, "e": {}}', 'JSON: sections')
good('data.json', '{"data": "canary-data\\n", "more": 1}', 'JSON: one of the keys is data')
good('comments.yaml', '# one\na: 1 # behind\n# two\nb: 2020-01-01\n', 'YAML: comments')
for (const file of ['flat.json', 'nested.json', 'data.json', 'comments.yaml'])
  for (const output of ['json', 'yaml', 'dotenv', 'ini', 'binary'] as const)
    if (output !== formatOf(file)) into(file, output, `${file} into ${output}`)

// What must be refused.
const line = (text: string, name: string): string => new RegExp(`^${name} *=.*$`, 'm').exec(text)?.[0] ?? ''
const value = (text: string, name: string): string => line(text, name).replace(/^[^=]*= ?/, '')
bad('in-clear.env', env3.replace(line(env3, 'E'), 'E=canary-clear'), 'value', 'dotenv: a value stands in clear')
bad(
  'bit.env',
  env3.replace(
    value(env3, 'E'),
    value(env3, 'E').replace(/data:(.)/, (_, first: string) => `data:${first === 'A' ? 'B' : 'A'}`),
  ),
  'value',
  'dotenv: a bit of a value was changed',
)
bad('renamed.env', env3.replace(/^E=/m, 'F='), 'value', 'dotenv: a key was renamed')
bad(
  'swapped.env',
  env3.replace(value(env3, 'E'), '%').replace(value(env3, 'UNI'), value(env3, 'E')).replace('%', value(env3, 'UNI')),
  'value',
  'dotenv: two values changed places',
)
bad('clear-changed.env', env3.replace('clear = #', 'changed = #'), 'mac', 'dotenv: a value in clear was changed')
bad('clear-added.env', `X_unencrypted=added\n${env3}`, 'mac', 'dotenv: a value in clear was added')
bad('dropped.env', env3.replace(`${line(env3, 'E')}\n`, ''), 'mac', 'dotenv: a value was taken out')
bad('no-mac.env', env3.replace(/^sops_mac=.*\n/m, ''), 'mac', 'dotenv: the MAC is gone')
bad(
  'moved-time.env',
  env3.replace(/^(sops_lastmodified=).*$/m, '$12020-01-01T00:00:00Z'),
  'mac',
  'dotenv: the time of the last change was changed',
)
bad('no-time.env', env3.replace(/^sops_lastmodified=.*\n/m, ''), 'metadata', 'dotenv: the time of the last change is gone')
bad('gap.env', env3.replaceAll('age__list_0', 'age__list_7'), 'metadata', 'dotenv: a list of the block has a gap')
bad('two-values.env', `${env3}sops_mac=x\n`, 'metadata', 'dotenv: a field of the block is there twice')
bad('two-kinds.env', `${env3}sops_mac__map_x=y\n`, 'metadata', 'dotenv: a field of the block is text and a mapping')
bad('no-keys.env', env3.replaceAll(/^sops_age.*\n/gm, ''), 'metadata', 'dotenv: no keys at all')
bad('two-rules.env', `${env3}sops_encrypted_suffix=x\n`, 'metadata', 'dotenv: two rules at once')
bad('short-tag.env', env3.replace(value(env3, 'E'), value(env3, 'E').replace(/tag:[^,]+/, 'tag:AAAA')), 'value', 'dotenv: a tag was cut')
bad('conflict.env', `<<<<<<< HEAD\n${env3}`, 'syntax', 'dotenv: a merge conflict')
bad('never.env', 'A=canary\n', 'not-sops', 'dotenv: a file that never was encrypted')
bad('in-clear.ini', ini3.replace(value(ini3, 'root'), 'canary-clear'), 'value', 'INI: a value stands in clear')
bad('section.renamed.ini', ini3.replace('[first]', '[third]'), 'value', 'INI: a section was renamed')
bad('clear-changed.ini', ini3.replace('= clear', '= changed'), 'mac', 'INI: a value in clear was changed')
bad('clear-added.ini', ini3.replace('\n[first]', '\n[new]\nx_unencrypted = added\n\n[first]'), 'mac', 'INI: a value in clear was added')
bad('dropped.ini', ini3.replace(`${line(ini3, 'root')}\n`, ''), 'mac', 'INI: a value was taken out')
bad('no-mac.ini', ini3.replace(/^mac *=.*\n/m, ''), 'mac', 'INI: the MAC is gone')
bad('two-sections.ini', `${ini3}\n[sops]\nmac = x\n`, 'metadata', 'INI: two blocks of SOPS')
bad('gap.ini', ini3.replaceAll('age__list_0', 'age__list_7'), 'metadata', 'INI: a list of the block has a gap')
bad(
  'huge.ini',
  ini3.replaceAll('age__list_0', 'age__list_99999999999'),
  'metadata',
  'INI: a list of the block has a position beyond all bounds',
)
bad('conflict.ini', `${ini3}<<<<<<< HEAD\n`, 'syntax', 'INI: a merge conflict')
bad('never.ini', '[a]\nb = canary\n', 'not-sops', 'INI: a file that never was encrypted')

writeFileSync(join(OUT, 'cases.json'), `${JSON.stringify(cases, null, 1)}\n`)
rmSync(scratch, { recursive: true, force: true })
for (const { file, output, fault, sops: code } of cases)
  if (fault !== undefined) console.log(`${file}${output === undefined ? '' : ` into ${output}`}: ${fault}, sops ${code}`)
