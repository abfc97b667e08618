import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { newIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { inspectSops } from '../../lib/secrets/sops/decrypt.ts'
import { readPolicy, ruleFor } from '../../lib/secrets/sops/policy.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const [A, B, C] = (await Promise.all([newIdentity(), newIdentity(), newIdentity()])).map(({ recipient }) => recipient) as [
  Recipient,
  Recipient,
  Recipient,
]
const SSH = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKoBF0w/ooKK1y5hi70urikzg2yv2qLxrJRY3Ihn2tG4 me at home'
const scratch = mkdtempSync(join(tmpdir(), 'gitops-policy-'))

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const rules = (...texts: string[]): string => `creation_rules:\n${texts.map((text) => `  - ${text.replaceAll('\n', '\n    ')}\n`).join('')}`

/** Each form, and whom it means. Real `sops` agrees with each, but that it wraps twice for somebody who is named twice in a flat list. */
const FORMS: readonly (readonly [name: string, text: string, groups: readonly (readonly string[])[]])[] = [
  ['a text', rules(`age: ${A}`), [[A]]],
  ['a text with commas and blanks', rules(`age: ' ${A} , ${B},, '`), [[A, B]]],
  ['a folded text', rules(`age: >-\n  ${A},\n  ${B}`), [[A, B]]],
  ['a list', rules(`age:\n  - ${A}\n  - ${B}`), [[A, B]]],
  ['a list of texts with commas', rules(`age: ['${A},${B}', '${C}']`), [[A, B, C]]],
  ['SSH keys in a list', rules(`age:\n  - ${SSH}\n  - ${A}`), [[SSH, A]]],
  ['SSH keys in a folded text', rules(`age: >-\n  ${SSH},\n  ${A}`), [[SSH, A]]],
  ['an anchor and an alias', `team: &team ${A}\n${rules('age: *team')}`, [[A]]],
  ['a merged mapping', `team: &team {age: '${A}'}\n${rules('<<: *team\nencrypted_regex: a')}`, [[A]]],
  ['one key group', rules(`key_groups:\n  - age: ['${A}', '${A}', '${B}']`), [[A, B]]],
  ['key groups, and then age of the rule does not count', rules(`age: ${C}\nkey_groups:\n  - age: [${A}]`), [[A]]],
  [
    'merged key groups',
    rules(`key_groups:\n  - merge:\n      - age: [${B}]\n      - merge: [{age: [${A}]}]\n    age: ['${C},${A}']`),
    [[B, A, C]],
  ],
  ['several key groups', rules(`shamir_threshold: 2\nkey_groups:\n  - age: [${A}]\n  - age: [${B}]\n  - age: [${C}]`), [[A], [B], [C]]],
  ['empty other kinds, and fields that nobody knows', rules(`age: ${A}\npgp: ''\nkms:\nkey_groups: []\nnosuch: [1, {a: b}]`), [[A]]],
  ['destination rules, which are for publishing', `destination_rules:\n  - path_regex: '('\n${rules(`age: ${A}`)}`, [[A]]],
  ['more than one document', `${rules(`age: ${A}`)}---\ncreation_rules: 5\n`, [[A]]],
]

describe('recipients in every form', () => {
  test('each form of `age` and `key_groups` names whom it should', async () => {
    for (const [name, text, groups] of FORMS) {
      const { rules: read } = await readPolicy(text)
      expect(read[0]?.groups, name).toEqual(groups)
      expect(read[0]?.others, name).toEqual([])
    }
  })

  test('the real sops encrypts to the same ones', async ({ skip }) => {
    skip(spawnSync(SOPS, ['--version']).status !== 0, 'there is no sops here')
    writeFileSync(join(scratch, 'x.json'), '{"a":1}')
    for (const [name, text, groups] of FORMS) {
      writeFileSync(join(scratch, '.sops.yaml'), text)
      const { status, stdout, stderr } = spawnSync(SOPS, ['encrypt', 'x.json'], { cwd: scratch, encoding: 'utf8' })
      expect(status, name + stderr).toBe(0)
      const info = await inspectSops(Buffer.from(stdout))
      expect([info?.groups, info?.recipients.toSorted()], name).toEqual([groups.length, groups.flat().toSorted()])
    }
  })

  test('a threshold is said, or it takes all groups', async () => {
    const groups = `key_groups:\n  - age: [${A}]\n  - age: [${B}]\n  - age: [${C}]`
    const threshold = async (text: string): Promise<number | undefined> => (await readPolicy(rules(text))).rules[0]?.threshold
    expect(await threshold(`shamir_threshold: 2\n${groups}`)).toBe(2)
    expect(await threshold(groups)).toBe(3)
    expect(await threshold(`shamir_threshold: 0\n${groups}`)).toBe(3)
    expect(await threshold(`shamir_threshold: 5\nage: ${A}`)).toBe(1)
  })

  test('keys of other kinds are named, in a rule and in its groups, and never dropped', async () => {
    const others = async (text: string): Promise<readonly string[] | undefined> => (await readPolicy(rules(text))).rules[0]?.others
    expect(await others(`age: ${A}\npgp: ABCDEF`)).toEqual(['pgp'])
    expect(await others('kms: [{arn: x}]\nhckms: [k]\ngcp_kms: p')).toEqual(['kms', 'gcp_kms', 'hckms'])
    expect(await others(`azure_keyvault: u\nhc_vault_transit_uri: v`)).toEqual(['azure_keyvault', 'hc_vault_transit_uri'])
    expect(await others(`key_groups:\n  - age: [${A}]\n    hc_vault: [v]\n  - merge: [{pgp: [F]}]`)).toEqual(['hc_vault', 'pgp'])
    // These do not count beside key groups, for sops neither.
    expect(await others(`pgp: F\nkey_groups:\n  - age: [${A}]`)).toEqual([])
  })
})

describe('selectors', () => {
  test('each of the six is taken, an empty one is none, and a MAC over encrypted values only is heard', async () => {
    for (const kind of ['encrypted_suffix', 'unencrypted_suffix'])
      expect((await readPolicy(rules(`${kind}: _x`))).rules[0]?.rule).toEqual({ kind, suffix: '_x' })
    for (const kind of ['encrypted_regex', 'unencrypted_regex', 'encrypted_comment_regex', 'unencrypted_comment_regex'])
      expect((await readPolicy(rules(`${kind}: (?i)^x`))).rules[0]?.rule).toEqual({ kind, pattern: '(?i)^x' })
    const [rule] = (await readPolicy(rules(`encrypted_regex: ''\nencrypted_suffix: 5\nmac_only_encrypted: true`))).rules
    expect(rule).toMatchObject({ rule: { kind: 'encrypted_suffix', suffix: '5' }, macOnlyEncrypted: true, pathRegex: null })
  })
})

describe('which rule', () => {
  test('the first that matches the first path wins, then the next path has its turn, and the rules behind it are told', async () => {
    const policy = await readPolicy(
      `# a comment\n${rules(`path_regex: ^deep/.*\\.enc$\nage: ${A}`, `path_regex: plain\\.json$\nage: ${B}`, `path_regex: (?i)DEEP\nage: ${C}`)}`,
    )
    const found = (...paths: string[]): unknown => {
      const match = ruleFor(policy, paths)
      return match && [match.rule.number, match.rule.line, match.path, match.shadowed.map(({ number }) => number)]
    }
    expect(found('deep/a.enc', 'plain.json')).toEqual([1, 3, 'deep/a.enc', [3]])
    expect(found('a.enc', 'x/plain.json')).toEqual([2, 5, 'x/plain.json', []])
    expect(found('deeper/plain.json')).toEqual([2, 5, 'deeper/plain.json', [3]])
    expect(found('nothing')).toBeNull()
    expect(ruleFor(await readPolicy(''), ['a'])).toBeNull()
    expect(ruleFor(await readPolicy('stores: {}'), ['a'])).toBeNull()
  })

  test('a rule takes a path in no time at all, however it is written and however long the path is', async () => {
    const policy = await readPolicy(rules(`path_regex: '^(([a-z])+.)+[A-Z]([a-z])+$'\nencrypted_regex: '(x+x+)+y'\nage: ${A}`))
    const start = performance.now()
    expect(ruleFor(policy, ['a'.repeat(50_000)])).toBeNull()
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('what cannot be used is refused with its place, also in a rule whose turn never comes', () => {
  const GOOD = `age: ${A}`
  const BOMB = `a0: &a0 {age: [${A}]}\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} {merge: [${`*a${at}, `.repeat(9)}]}`).join('\n')}\n`
  const WIDE = `a0: &a0 [x]\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at}, `.repeat(9)}]`).join('\n')}\n`

  for (const [text, ...said] of [
    [rules(GOOD, `path_regex: '('`), 'creation rule 2 (line 3)', 'path_regex', 'RE2', '"("'],
    [rules(GOOD, "path_regex: '(?=a)'"), 'path_regex', 'RE2'],
    [rules(GOOD, "encrypted_regex: '['"), 'creation rule 2', 'encrypted_regex', 'RE2'],
    [rules(GOOD, "unencrypted_comment_regex: '(?<=a)'"), 'unencrypted_comment_regex'],
    [rules(GOOD, 'encrypted_regex: a\nunencrypted_suffix: b'), 'encrypted_regex', 'unencrypted_suffix', 'at most one'],
    [rules(GOOD, 'age: 17'), 'creation rule 2', 'age'],
    [rules(`age: [[${A}]]`), 'age'],
    [rules(`age: ['${A}', '']`), 'empty item'],
    [rules(`key_groups:\n  - age: ${A}`), 'not a list'],
    [rules(`key_groups: {}`), 'key_groups'],
    [rules(`key_groups: [5]`), 'key group'],
    [rules(`key_groups:\n  - merge: {}`), 'merge'],
    [rules(`shamir_threshold: 3\nkey_groups: [{age: [${A}]}, {age: [${B}]}]`), 'shamir_threshold'],
    [rules(`shamir_threshold: 1\nkey_groups: [{age: [${A}]}, {age: [${B}]}]`), 'shamir_threshold'],
    [rules('mac_only_encrypted: maybe'), 'mac_only_encrypted'],
    [rules('path_regex: [a]'), 'path_regex', 'not text'],
    ['creation_rules:\n  -\n', 'creation rule 1 (line 2)', 'not a mapping'],
    ['creation_rules: {}\n', 'not a list'],
    ['- a\n', 'not a mapping'],
    ['creation_rules: [\n', 'YAML'],
    [`creation_rules:\n  - age: ${A}\n    age: ${B}\n`, 'YAML', 'line 3'],
    ['creation_rules:\n  - age: *nobody\n', 'alias'],
    [`${BOMB}${rules('key_groups: [*a9]')}`, 'alias'],
    [`${WIDE}${rules('age: *a9')}`, 'alias'],
    [`a: &a {merge: [{age: [${A}]}]}\n${rules(`key_groups: [{merge: [${'*a, '.repeat(1500)}]}]`)}`, 'merges more'],
    [`stores: {yaml: {indent: -1}}\n${rules(GOOD)}`, 'stores.yaml.indent'],
    [`stores: {json: {indent: -2}}\n${rules(GOOD)}`, 'stores.json.indent'],
  ] as const) {
    test(`${said.join(', ')}: ${text.slice(0, 200).replaceAll('\n', ' ⏎ ').slice(-90)}`, async () => {
      const start = performance.now()
      const error = await readPolicy(text).then(
        () => null,
        (thrown: unknown) => thrown as Error,
      )
      for (const sentence of said) expect(error?.message).toContain(sentence)
      expect(performance.now() - start).toBeLessThan(2000)
    })
  }
})

test('indentation of the stores is read as sops takes it', async () => {
  const indents = async (text: string): Promise<unknown> => (await readPolicy(text)).indents
  expect(await indents('')).toEqual({ json: null, binary: null, yaml: null })
  expect(await indents('stores: {json: {indent: 2}, json_binary: {indent: 0}, yaml: {indent: 2}, dotenv: {}}')).toEqual({
    json: 2,
    binary: 0,
    yaml: 2,
  })
  expect(await indents('stores: {json: {indent: -1}, yaml: {indent: 0}}')).toEqual({ json: -1, binary: null, yaml: null })
  expect(await indents('stores: {yaml: {indent: 12}}')).toEqual({ json: null, binary: null, yaml: 2 })
})
