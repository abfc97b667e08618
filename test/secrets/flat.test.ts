import { beforeAll, describe, expect, test } from 'vitest'
import { newIdentity, parseIdentities, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { faultKind, sopsExitCode } from '../../lib/secrets/fault.ts'
import { GitopsError, sentence } from '../../lib/model/errors.ts'
import { decryptSops, inspectSops } from '../../lib/secrets/sops/decrypt.ts'
import { branch, item, list } from '../../lib/secrets/sops/document.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { flatten, unflatten } from '../../lib/secrets/sops/flatten.ts'
import { formatOf, type SopsFormat } from '../../lib/secrets/sops/file-format.ts'
import type { Rule } from '../../lib/secrets/sops/rules.ts'
import { looksEncrypted } from '../../lib/secrets/sops/sniff.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
let identities: AgeIdentity[]
let to: Recipient

beforeAll(async () => {
  const made = await newIdentity()
  identities = await parseIdentities(made.identity.text(), 'keys.txt')
  to = made.recipient
})

const DEFAULT = { kind: 'unencrypted_suffix', suffix: '_unencrypted' } as const
const NOTHING = { kind: 'encrypted_suffix', suffix: '_nowhere' } as const
const encrypt = async (text: string, format: SopsFormat, rule: Rule = DEFAULT): Promise<string> => {
  return (await encryptSops(Buffer.from(text), { format, recipients: [to], now: NOW, rule })).bytes.toString('utf8')
}
const decrypt = async (text: string): Promise<string> => (await decryptSops(Buffer.from(text), identities)).plaintext.text()

async function refusal(made: Promise<unknown>): Promise<GitopsError> {
  const error: unknown = await made.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error, 'it was not refused').toBeInstanceOf(GitopsError)
  return error as GitopsError
}

describe('a flat block', () => {
  const nested = branch(
    item('age', list(branch(item('enc', 'a\nb\n'), item('recipient', 'r')), branch(item('enc', 'c'), item('recipient', 's')))),
    item('key_groups', list(branch(item('age', list(branch(item('enc', 'd'), item('__proto__', 'e'))))))),
    item('constructor', 'x'),
    item('mac', 'm'),
  )

  test('is what the nested one was, and the other way round', () => {
    const entries = flatten(nested)
    expect(entries.slice(0, 2)).toEqual([
      ['age__list_0__map_enc', 'a\nb\n'],
      ['age__list_0__map_recipient', 'r'],
    ])
    expect(unflatten(entries)).toEqual(nested)
    expect(unflatten(entries.toReversed()).items).toHaveLength(4)
  })

  test.each([
    ['a list position of nine digits', [['age__list_999999999', 'x']], 'list position'],
    ['a list position that is no number', [['age__list_x', 'x']], 'list position'],
    [
      'a list with a gap',
      [
        ['age__list_0', 'x'],
        ['age__list_2', 'x'],
      ],
      'gaps',
    ],
    ['a list that does not begin at its beginning', [['age__list_1', 'x']], 'gaps'],
    [
      'a field that is there twice',
      [
        ['mac', 'x'],
        ['mac', 'y'],
      ],
      'twice',
    ],
    [
      'a field that is text and a mapping',
      [
        ['a', 'x'],
        ['a__map_b', 'y'],
      ],
      'at once',
    ],
    [
      'a field that is a list and a mapping',
      [
        ['a__list_0', 'x'],
        ['a__map_b', 'y'],
      ],
      'at once',
    ],
    ['nesting without end', [['a' + '__map_a'.repeat(100_000), 'x']], 'nested too deep'],
  ] as const)('with %s is refused in one sentence', (_, entries, words) => {
    const made = (): unknown => unflatten(entries)
    expect(made).toThrow(words)
    expect(made).toThrow(/^has a block of SOPS that cannot be used: [^\n]{1,160}$/)
  })
})

describe('dotenv', () => {
  test.each([
    ['CRLF', 'A=b\r\nB=c d\r\n'],
    ['an equals sign in a value', 'A=b=c==\n'],
    ['quotes, which mean nothing', `A="b c"\nB='d'\n`],
    ['line feeds written as backslash and n', 'A=one\\ntwo\\n\n'],
    ['unicode, also beyond sixteen bits', 'ŽLUŤ=漢字 😀\n'],
    ['empty values', 'A=\nB=\n'],
    ['a hash in a value', 'A=b # no comment\nB=#c\n'],
    ['comments', '# first\n#\n#second\nA=b\n# last\n'],
    ['keys with blanks, no name, odd names', 'export A=b\n c =d\n=e\n__proto__=f\na:b=g\n10=h\n2=i\n'],
    ['a key that is there twice', 'A=b\nA=c\n'],
    ['a byte order mark', '\uFEFFA=b\n'],
    ['nothing', ''],
  ])('with %s comes back byte for byte', async (_, text) => {
    const encrypted = await encrypt(text, 'dotenv')
    expect(await decrypt(encrypted)).toBe(text)
    expect(await inspectSops(Buffer.from(encrypted))).toMatchObject({ format: 'dotenv', recipients: [to] })
    // Base64 may hold any three letters.
    const clear = encrypted.replaceAll(/(?<==|^#)(?:ENC\[|-----BEGIN ).*/gm, '')
    for (const value of ['b c', 'one', '漢字', 'first']) expect(clear).not.toContain(value)
  })

  test('with a line that SOPS would not take is refused by its number, and nothing of the line is told', async () => {
    const error = await refusal(encrypt('A=b\n\nsecret-canary\n', 'dotenv'))
    expect(sentence(error)).toContain('line 3 has no `=`')
    expect(sentence(error)).not.toContain('canary')
    expect(sentence(await refusal(encrypt('A=b\r\n\r\nB=c\r\n', 'dotenv')))).toContain('carriage return')
  })

  test('with keys that SOPS keeps for itself is encrypted already', async () => {
    expect(sopsExitCode(await refusal(encrypt(await encrypt('A=b\n', 'dotenv'), 'dotenv')))).toBe(203)
    expect(sopsExitCode(await refusal(encrypt('sops_x=1\n', 'dotenv')))).toBe(203)
  })
})

describe('INI', () => {
  test.each([
    ['sections and keys laid out by hand', 'a=1\n\n\n[s]\n  key : 2\n\tlong =3  \n[empty]\n\n\n'],
    ['no line feed at its end', '[s]\nk = v'],
    ['nothing but a section', '[s]\n'],
    ['comments behind headers', '[s] ; one\na = b\n; two\n[t]   # three\n  [u] # four\n'],
    ['nothing at all', ''],
    ['nothing but an empty line', '\n'],
    [
      'comments of every kind',
      '# a file\n#\n\n  ; about it\n\n[s] ; behind\n#\n# above\n\nk = v   # behind the value\n; last in it\n\n; and last\n',
    ],
    ['a comment behind a value only', '[s]\nk = v ; behind\nl = `w` # behind quotes\n'],
    ['comments that begin with a line without text', '#####\n# Title\n#####\n[s]\n#\nk = v ; c\n'],
    ['quotes of every kind', `[s]\na = "b"\nc = 'd'\ne = \`f\`\ng = """h"""\n\`i\` = "\`j"\n`],
    ['sections as SOPS lays them out', 'a = 1\n\n[s]\nkey  = 2\nlong = 3\n\n[empty]\n\n[s]\nb = again\n'],
    ['comments above keys and sections', '; of the section\n; two lines\n[s]\n; of the key\nk = v\n'],
    ['values that need quotes', '[s]\na = `b;c#d`\ne = " f "\ng = """h\n  i"""\n'],
    ['quotes in values', `[s]\na = b"c"d\ne = it's\nf = "'both'"\n`],
    ['an equals sign, a colon, unicode, nothing', '[s]\n`a=b` = c=d:e\nf     = 漢字 😀\ng     = \n'],
    ['a section with an odd name', '[a.b "c] d]\nk = v\n\n[__proto__]\n__proto__ = x\n'],
  ])('with %s comes back byte for byte', async (_, text) => {
    const encrypted = await encrypt(text, 'ini')
    expect(await decrypt(encrypted)).toBe(text)
    const windows = text.replaceAll('\n', '\r\n')
    expect(await decrypt(await encrypt(windows, 'ini'))).toBe(windows)
    if (!text.includes('"""')) expect(await decrypt(encrypted.replaceAll('\n', '\r\n'))).toBe(windows)
    expect(await decrypt(await encrypt(text, 'ini', NOTHING))).toBe(text)
    expect(await inspectSops(Buffer.from(encrypted))).toMatchObject({ format: 'ini', recipients: [to] })
  })

  test.each([
    ['a key that is there twice', '[s]\na = 1\na = 2\n', 'the key "a" twice in the section [s]'],
    ['a key that SOPS makes a comment of', '- = 1\n', 'line 1 has the key `-`'],
    ['a line that is nothing', '[s]\n\nsecret-canary\n', 'line 3 is no section, key or comment'],
    ['a section without a name', '[]\na = 1\n', 'line 1 is a section without a name'],
    ['a quote without an end', 'a = """b\nc\n', 'line 1 has a value whose quote is not closed'],
    ['three quotes at the end, which the block would close', '[s]\nk_unencrypted = """', 'line 2 has a value whose quote is not closed'],
    ['text behind a section', '[s] secret-canary\n', 'line 1 has text behind its end'],
    ['text behind a quoted value', '[s]\na = `b` secret-canary\n', 'line 2 has text behind its end'],
  ])('with %s is refused by the place, and no value is told', async (_, text, words) => {
    const error = await refusal(encrypt(text, 'ini'))
    expect(sentence(error)).toContain(words)
    expect(sentence(error)).not.toContain('canary')
  })

  test('with a value over lines that end in a backslash comes back as one line', async () => {
    expect(await decrypt(await encrypt('[s]\na = b \\\n  c\nd = e\n', 'ini'))).toBe('[s]\na = b c\nd = e\n')
  })

  test('with comments in clear leaves them as they are, but for what sops would crash over', async () => {
    const text = '#\n# Title\n[s]\n; plain\nk = v ; behind\n'
    const encrypted = await encrypt(text, 'ini', NOTHING)
    expect(encrypted).toContain('#\t\n# Title\n[s]\n; plain\nk = v ; behind\n')
    expect(await decrypt(encrypted)).toBe(text)
  })

  test('is encrypted with every comment, also one that nothing follows', async () => {
    const encrypted = await encrypt('; canary one\n\n; canary two\n[s] ; canary three\nk = `v` ; canary four\n; canary five\n', 'ini')
    expect(encrypted).not.toContain('canary')
  })
})

test('a line that was made to take long takes no time', { timeout: 20_000 }, async () => {
  for (const line of [
    `# ${'\v'.repeat(300_000)}x\n# y\nk = v\n`,
    `${' '.repeat(300_000)}k = v\n`,
    `k = ${'"a '.repeat(300_000)}\n`,
    `k = """${'\n`'.repeat(300_000)}"""\n`,
  ]) {
    const encrypted = Buffer.from(await encrypt(line, 'ini', NOTHING))
    for (const output of ['ini', 'json', 'yaml'] as const) expect((await decryptSops(encrypted, identities, { output })).format).toBe('ini')
  }
})

test('the block of an INI file may have values of several lines, as some versions of SOPS wrote it', async () => {
  const text = await encrypt('[s]\nk = v\n', 'ini')
  const several = text.replace(/= (-----BEGIN.*)/, (_, value: string) => `= """${value.replaceAll('\\n', '\n')}"""`)
  expect(several.split('\n').length).toBeGreaterThan(text.split('\n').length + 5)
  expect(await decrypt(several)).toBe('[s]\nk = v\n')
})

describe('the format is found in the content', () => {
  test.each([
    ['json', '{"a": 1}'],
    ['yaml', 'a: 1\n'],
    ['dotenv', 'a=1\n'],
    ['ini', '[a]\nb = 1\n'],
    ['binary', '\u0000'],
    // What may look like another format.
    ['yaml', 'a: |\n  sops_mac=1\n  [sops]\n'],
    ['dotenv', '[sops]=1\na={\n'],
    ['ini', '; sops_mac=1\n[a]\nsops: 1\n'],
    ['json', '{"data": "x", "b": 1}'],
    ['json', '{"data": "x"}'],
  ] as const)('%s: %j', async (format, text) => {
    const encrypted = await encrypt(text, format)
    expect(await inspectSops(Buffer.from(encrypted))).toMatchObject({ format })
    expect(looksEncrypted(Buffer.from(encrypted))).toBe(true)
    expect(looksEncrypted(Buffer.from(text))).toBe(false)
  })

  test('an object with nothing but `data` is an envelope when it has no selector, or the one of an old SOPS', async () => {
    const text = await encrypt('{"data": "x"}', 'json')
    const sniffed = async (changed: string): Promise<string | undefined> => (await inspectSops(Buffer.from(changed)))?.format
    expect(await sniffed(text.replace('3.13.3', '3.10.2'))).toBe('binary')
    expect(await sniffed(text.replace('3.13.3', '3.11.0'))).toBe('json')
    expect(await sniffed(text.replace(/^\s*"unencrypted_suffix".*\n/m, ''))).toBe('binary')
    expect(await sniffed(text.replace('3.13.3', '3.10.2').replace('"_unencrypted"', '"_x"'))).toBe('json')
  })
})

test('the format of a plaintext goes by its name, without one ending that only says that it is encrypted', () => {
  const formats = Object.entries({
    'a.json': 'json',
    'x/.claude.json.enc': 'json',
    'a.enc.yaml': 'yaml',
    'a.yml.sops': 'yaml',
    '.env': 'dotenv',
    'prod.env.encrypted': 'dotenv',
    'a.ini': 'ini',
    '.env.local': 'binary',
    'a.json.enc.enc': 'binary',
    'A.JSON': 'binary',
    env: 'binary',
    'a.env/b': 'binary',
  })
  for (const [name, format] of formats) expect(formatOf(name), name).toBe(format)
})

test('a file for which the wrong format is given is refused', async () => {
  const encrypted = Buffer.from(await encrypt('a=1\n', 'dotenv'))
  for (const format of ['json', 'yaml', 'binary'] as const)
    expect((await refusal(decryptSops(encrypted, identities, { format }))).code).toBe('invalid')
  expect(faultKind(await refusal(decryptSops(encrypted, identities, { format: 'ini' })))).toBe('not-sops')
})
