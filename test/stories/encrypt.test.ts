import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { newIdentity } from '../../lib/secrets/age.ts'
import { test, type Files, type Ran, type Sandbox } from '../support/sandbox.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const PLAIN = '{\n\t"token": "s3cret-canary",\n\t"name": "team"\n}\n'

/** A directory with a key where sops looks; returns its recipient. */
async function keyed(sandbox: Sandbox, files: Files = { 'a.json': PLAIN }): Promise<string> {
  const { identity, recipient } = await newIdentity()
  sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': { text: `${identity.text()}\n`, mode: 0o600 } })
  sandbox.write(sandbox.site, files)
  return recipient
}

const rules = (sandbox: Sandbox, text: string): void => sandbox.write(sandbox.site, { '.sops.yaml': `creation_rules:\n${text}\n` })
const read = (sandbox: Sandbox, path: string): string => readFileSync(join(sandbox.site, path), 'utf8')
const there = (sandbox: Sandbox, path: string): boolean => existsSync(join(sandbox.site, path))

/** Another letter in the middle, whichever is there. */
const typo = (to: string): string => to.slice(0, 20) + (to[20] === 'x' ? 'y' : 'x') + to.slice(21)

function expectRefused(ran: Ran, code: number, ...sentences: string[]): void {
  expect(ran.code, ran.said).toBe(code)
  expect(ran.stdout).toBe('')
  for (const sentence of sentences) expect(ran.stderr).toContain(sentence)
  expect(ran.stderr).not.toContain('bug')
  expect(ran.stderr).not.toContain('s3cret-canary')
}

test('a file goes through encrypt and decrypt byte for byte, in each format, without any config', async ({ sandbox }) => {
  const files = { 'a.json': PLAIN, 'b.yaml': 'token: s3cret-canary\nlist:\n    - 1\n', 'c.txt': 's3cret-canary\nno end' }
  const to = await keyed(sandbox, files)
  for (const [name, text] of Object.entries(files)) {
    const made = await sandbox.gitops(['encrypt', name, '-o', `${name}.enc`, '--age', to])
    expect([made.code, made.stdout]).toEqual([0, ''])
    expect(read(sandbox, `${name}.enc`)).not.toContain('s3cret-canary')
    expect(read(sandbox, name)).toBe(text)
    const back = await sandbox.gitops(['decrypt', `${name}.enc`])
    expect([back.code, back.stdout, back.stderr]).toEqual([0, text, ''])
  }
  const printed = await sandbox.gitops(['encrypt', 'a.json', '--age', ` ${to} , ${to}`])
  expect(JSON.parse(printed.stdout)).toMatchObject({ name: expect.stringMatching(/^ENC\[/) as string, sops: { age: [{ recipient: to }] } })
})

test('the real sops reads what we wrote, and we read what it wrote', async ({ sandbox, skip }) => {
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  const to = await keyed(sandbox, { 'a.json': PLAIN, 'b.yaml': 'token: s3cret-canary\n' })
  for (const name of ['a.json', 'b.yaml']) {
    expect((await sandbox.gitops(['encrypt', name, '-o', `ours.${name}`, '--age', to])).code).toBe(0)
    const sops = (...args: string[]): string => spawnSync(SOPS, args, { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' }).stdout
    expect(sops('decrypt', `ours.${name}`)).toBe(read(sandbox, name))
    sandbox.write(sandbox.site, { [`theirs.${name}`]: sops('encrypt', '--age', to, name) })
    expect((await sandbox.gitops(['decrypt', `theirs.${name}`])).stdout).toBe(read(sandbox, name))
  }
})

test('.sops.yaml decides: the first rule that matches the path from there, with recipients as a text or a list, and its selector', async ({
  sandbox,
}) => {
  const to = await keyed(sandbox, { 'deep/a.json': PLAIN, 'deep/b.json': PLAIN, 'other.json': PLAIN })
  const [second, third] = [(await newIdentity()).recipient, (await newIdentity()).recipient]
  rules(
    sandbox,
    `  - path_regex: ^deep/a\\.json\\.enc$\n    encrypted_regex: ^token$\n    age: >-\n      ${to},\n      ${second}
  - path_regex: ^deep/\n    unencrypted_suffix: me\n    age: ['${to}', '${third}']\n  - age: ${to}`,
  )
  const encrypted = async (name: string): Promise<{ name: string; token: string; sops: { age: { recipient: string }[] } }> => {
    const ran = await sandbox.gitops(['encrypt', name, '-o', `${name}.enc`])
    expect(ran.code, ran.said).toBe(0)
    expect((await sandbox.gitops(['decrypt', `${name}.enc`])).stdout).toBe(PLAIN)
    return JSON.parse(read(sandbox, `${name}.enc`)) as never
  }
  const hidden = expect.stringMatching(/^ENC\[/) as string
  expect(await encrypted('deep/a.json')).toMatchObject({
    name: 'team',
    token: hidden,
    sops: { age: [{ recipient: to }, { recipient: second }] },
  })
  expect(await encrypted('deep/b.json')).toMatchObject({
    name: 'team',
    token: hidden,
    sops: { age: [{ recipient: to }, { recipient: third }] },
  })
  expect(await encrypted('other.json')).toMatchObject({ name: hidden, token: hidden, sops: { age: [{ recipient: to }] } })
})

test('a rule that cannot be kept is refused by name, and the ciphertext that was there stays as it is', async ({ sandbox }) => {
  const to = await keyed(sandbox)
  for (const [text, ...sentences] of [
    [`  - path_regex: nothing\n    age: ${to}`, 'no creation rule that matches out.json'],
    [`  - pgp: ABCDEF\n    age: ${to}`, '.sops.yaml: creation rule 1 (line 2)', 'pgp'],
    [`  - age: ${to}\n    encrypted_regex: ^nosuch$`, 'a.json', 'plaintext', 'selector'],
    [`  - age: ${to}\n  - encrypted_regex: '('`, '.sops.yaml', 'creation rule 2 (line 3)', 'encrypted_regex'],
    [`  - age: ''`, 'creation rule 1', 'recipient'],
    [`  - age: ${typo(to)}`, 'creation rule 1', 'recipient'],
  ] as const) {
    rules(sandbox, text)
    sandbox.write(sandbox.site, { 'out.json': 'the old ciphertext\n' })
    const ran = await sandbox.gitops(['encrypt', 'a.json', '-o', 'out.json'])
    expectRefused(ran, 1, ...sentences)
    expect(read(sandbox, 'out.json')).toBe('the old ciphertext\n')
  }
})

test('what cannot be encrypted leaves nothing behind: a typo in a recipient, no rules, a missing, broken or encrypted file', async ({
  sandbox,
}) => {
  const to = await keyed(sandbox, { 'a.json': PLAIN, 'broken.json': '{"token": "s3cret-canary"' })
  const encrypt = (...args: string[]): Promise<Ran> => sandbox.gitops(['encrypt', ...args, '-o', 'out.json'])
  expectRefused(await encrypt('a.json', '--age', typo(to)), 1, 'recipient')
  expectRefused(await encrypt('a.json'), 1, '.sops.yaml', '--age')
  expectRefused(await encrypt('missing.json', '--age', to), 100, 'missing.json is not there')
  const broken = await encrypt('broken.json', '--age', to)
  expect(broken.code).not.toBe(0)
  expectRefused(broken, broken.code, 'broken.json')
  expect(there(sandbox, 'out.json')).toBe(false)
  expect((await sandbox.gitops(['encrypt', 'a.json', '-o', 'a.json', '--age', to])).code).toBe(0)
  expectRefused(await encrypt('a.json', '--age', to), 203, 'a.json is encrypted already')
})

test("decrypt fails with sops' own exit codes: 128 without a key, 51 for a wrong MAC, 25 for a changed value", async ({ sandbox }) => {
  const to = await keyed(sandbox)
  rules(sandbox, `  - age: ${to}\n    encrypted_regex: ^token$`)
  expect((await sandbox.gitops(['encrypt', 'a.json', '-o', 'a.enc.json'])).code).toBe(0)
  const good = read(sandbox, 'a.enc.json')
  const decrypt = (text: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> => {
    sandbox.write(sandbox.site, { 'b.json': text })
    return sandbox.gitops(['decrypt', 'b.json'], { env })
  }
  expect((await decrypt(good)).stdout).toBe(PLAIN)
  expectRefused(await decrypt(good.replace('"team"', '"mine"')), 51, 'b.json')
  expectRefused(
    await decrypt(good.replace(/(ENC\[AES256_GCM,data:)(.)/, (_, head: string, one: string) => head + (one === 'A' ? 'B' : 'A'))),
    25,
    'b.json',
  )
  expectRefused(await decrypt(good, { HOME: join(sandbox.root, 'nobody') }), 128, 'b.json', to)
  const other = (await newIdentity()).identity.text()
  expectRefused(await decrypt(good, { HOME: join(sandbox.root, 'nobody'), SOPS_AGE_KEY: other }), 128, to)
  expectRefused(await decrypt(PLAIN.replace('s3cret-canary', 'x')), 1, 'b.json is not encrypted')
  expectRefused(await decrypt(''), 1, 'b.json is empty')
})

test('many files are encrypted in place in one go: modes and links stay, one that fails does not keep the others', async ({ sandbox }) => {
  const to = await keyed(sandbox, {
    'a.json': PLAIN,
    'b.yaml': { text: 'token: s3cret-canary\n', mode: 0o640 },
    'c.yaml': { link: 'b.yaml' },
    'd.json': '{',
  })
  rules(sandbox, `  - path_regex: \\.(json|yaml)$\n    age: ${to}`)
  const ran = await sandbox.gitops(['encrypt', '-i', 'a.json', 'd.json', 'c.yaml'])
  expect(ran.code, ran.said).toBe(1)
  expect(ran.stderr).toContain('d.json')
  expect(read(sandbox, 'd.json')).toBe('{')
  expect(sandbox.tree(sandbox.site)['c.yaml']).toContain('b.yaml')
  expect(statSync(join(sandbox.site, 'b.yaml')).mode & 0o777).toBe(0o640)
  for (const name of ['a.json', 'b.yaml']) expect(read(sandbox, name)).toMatch(/ENC\[/)
  expectRefused(await sandbox.gitops(['encrypt', '-i', 'a.json']), 203, 'a.json is encrypted already')
  expectRefused(await sandbox.gitops(['encrypt', 'a.json', 'b.yaml']), 8, '--in-place')
})

test('what is no file, as a pipe, takes a ciphertext too', async ({ sandbox }) => {
  const to = await keyed(sandbox)
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(sandbox.site, 'pipe.json')])
  const [text, ran] = await Promise.all([
    readFile(join(sandbox.site, 'pipe.json'), 'utf8'),
    sandbox.gitops(['encrypt', 'a.json', '-o', 'pipe.json', '--age', to]),
  ])
  expect([ran.code, ran.said]).toEqual([0, ''])
  expect(Object.keys(JSON.parse(text) as object)).toEqual(['token', 'name', 'sops'])
  const full = await sandbox.gitops(['encrypt', 'a.json', '-o', '/dev/full', '--age', to])
  expect([full.code, full.stderr]).toEqual([1, expect.stringContaining('/dev/full cannot be written: ENOSPC')])
})

test('standard input takes its rule and its type from the name that is given, and explicit types win over names', async ({ sandbox }) => {
  const to = await keyed(sandbox, { 'data.txt': PLAIN })
  rules(sandbox, `  - path_regex: ^secrets/x\\.json$\n    encrypted_regex: token\n    age: ${to}`)
  const piped = await sandbox.gitops(['encrypt', '--filename-override', 'secrets/x.json'], { input: PLAIN })
  expect(piped.code, piped.said).toBe(0)
  expect(JSON.parse(piped.stdout)).toMatchObject({ name: 'team', sops: { encrypted_regex: 'token' } })
  expectRefused(await sandbox.gitops(['encrypt', '-'], { input: PLAIN }), 8, '--filename-override')
  expectRefused(await sandbox.gitops(['encrypt']), 100, 'no file')
  const typed = await sandbox.gitops(['encrypt', '--age', to, '--input-type', 'json', '--output-type', 'json', 'data.txt'])
  expect(Object.keys(JSON.parse(typed.stdout) as object)).toEqual(['token', 'name', 'sops'])
  const blob = await sandbox.gitops(['encrypt', '--age', to, 'data.txt'])
  expect(Object.keys(JSON.parse(blob.stdout) as object)).toEqual(['data', 'sops'])
})

test('the rules are those of the target, then of the file; --config and SOPS_CONFIG name others, and .sops.yml is told to be none', async ({
  sandbox,
}) => {
  const to = await keyed(sandbox, { 'team/a.json': PLAIN, 'other/.keep': '' })
  const suffix = async (args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const ran = await sandbox.gitops(['encrypt', 'team/a.json', ...args], { env })
    expect(ran.code, ran.said).toBe(0)
    const text = args.includes('-o') ? read(sandbox, args[args.indexOf('-o') + 1] ?? '') : ran.stdout
    return (JSON.parse(text) as { sops: { unencrypted_suffix: string } }).sops.unencrypted_suffix
  }
  const rule = (name: string, pattern: string): string => `  - path_regex: ${pattern}\n    unencrypted_suffix: ${name}\n    age: ${to}\n`
  const file = (...texts: string[]): string => `creation_rules:\n${texts.join('')}`
  sandbox.write(sandbox.site, {
    'team/.sops.yaml': file(rule('near', '^a')),
    '.sops.yaml': file(rule('target', '^other/.*enc'), rule('source', '^team/a\\.json$')),
    'mine.yaml': file(rule('named', '')),
    'sops/.sops.yml': file(rule('misnamed', '')),
  })
  expect(await suffix([])).toBe('near')
  expect(await suffix(['-o', 'other/a.enc.json'])).toBe('target')
  expect(await suffix(['-o', 'other/a.json'])).toBe('source')
  expect(await suffix(['-o', '../elsewhere.json'])).toBe('near')
  expect(await suffix(['--config', 'mine.yaml'])).toBe('named')
  expect(await suffix([], { SOPS_CONFIG: join(sandbox.site, 'mine.yaml') })).toBe('named')
  // Recipients on the command line, or in its environment, do not take the selector away.
  expect(await suffix(['--age', to])).toBe('near')
  const other = (await newIdentity()).recipient
  expect((await sandbox.gitops(['encrypt', 'team/a.json'], { env: { SOPS_AGE_RECIPIENTS: other } })).stdout).toContain(other)
  const noted = await sandbox.gitops(['encrypt', 'team/a.json', '-o', 'sops/enc.json'])
  expect([noted.code, noted.stderr]).toEqual([0, expect.stringContaining('.sops.yml')])
})

test('encrypting over an encrypted file keeps every line whose value is the same, and writes nothing when nothing changed', async ({
  sandbox,
}) => {
  const to = await keyed(sandbox)
  const stranger = (await newIdentity()).recipient
  const over = (...more: string[]): Promise<Ran> => sandbox.gitops(['encrypt', 'a.json', '-o', 'x/a.enc.json', ...more])
  rules(sandbox, `  - age: ${to},${stranger}`)
  expect((await over()).code).toBe(0)
  const first = read(sandbox, 'x/a.enc.json')
  expect(await over()).toMatchObject({ code: 0, said: '' })
  expect(read(sandbox, 'x/a.enc.json')).toBe(first)
  sandbox.write(sandbox.site, { 'a.json': PLAIN.replace('"team"', '"crew"') })
  expect((await over()).code).toBe(0)
  const second = read(sandbox, 'x/a.enc.json')
  const different = (one: string, two: string): string[] => one.split('\n').filter((line) => !two.split('\n').includes(line))
  expect(different(second, first).flatMap((line) => /"(?!lastmodified)\w+"/.exec(line) ?? [])).toEqual(['"name"', '"mac"'])
  // Whoever the policy does not name loses access, and it is said.
  rules(sandbox, `  - age: ${to}`)
  const third = await over()
  expect([third.code, third.stderr]).toEqual([0, expect.stringContaining(stranger)])
  expect(read(sandbox, 'x/a.enc.json')).not.toContain(stranger)
  expect(different(second, read(sandbox, 'x/a.enc.json')).some((line) => line.includes('"token"'))).toBe(true)
  // With nobody's key here the old one cannot lend anything, and whoever writes is told when they cannot read it.
  const other = (await newIdentity()).identity.text()
  const blind = await sandbox.gitops(['encrypt', 'a.json', '-o', 'x/a.enc.json'], {
    env: { HOME: join(sandbox.root, 'nobody'), SOPS_AGE_KEY: other },
  })
  expect([blind.code, blind.stderr]).toEqual([0, expect.stringMatching(/does not open[\s\S]*cannot open what was written/)])
})

test('a file that also has PGP keys keeps them when an age key opens it, and is never replaced by one without', async ({ sandbox }) => {
  const to = await keyed(sandbox)
  const stranger = (await newIdentity()).recipient
  rules(sandbox, `  - age: ${to}`)
  const over = (env: NodeJS.ProcessEnv = {}): Promise<Ran> => sandbox.gitops(['encrypt', 'a.json', '-o', 'a.enc.json'], { env })
  expect((await over()).code).toBe(0)
  // As `sops` writes it: metadata is not part of the MAC.
  const pgp = '"pgp": [\n\t\t\t{\n\t\t\t\t"enc": "-----BEGIN PGP MESSAGE-----",\n\t\t\t\t"fp": "ABC"\n\t\t\t}\n\t\t],'
  sandbox.write(sandbox.site, {
    'a.enc.json': read(sandbox, 'a.enc.json').replace('"unencrypted_suffix"', `${pgp}\n\t\t"unencrypted_suffix"`),
  })
  sandbox.write(sandbox.site, { 'a.json': PLAIN.replace('"team"', '"crew"') })
  const kept = await over()
  expect([kept.code, kept.stderr]).toEqual([0, expect.stringContaining('keys of other kinds: pgp')])
  const now = read(sandbox, 'a.enc.json')
  expect(now).toContain(pgp)
  expect((await sandbox.gitops(['decrypt', 'a.enc.json'])).stdout).toContain('crew')
  // Nobody here could wrap a new data key for them, and without a key of the file not even the old one.
  sandbox.write(sandbox.site, { 'a.json': PLAIN })
  expectRefused(await over({ HOME: join(sandbox.root, 'nobody') }), 1, 'pgp')
  rules(sandbox, `  - age: ${stranger}`)
  expectRefused(await over(), 1, 'pgp')
  expect(read(sandbox, 'a.enc.json')).toBe(now)
  // What a merge or a person has damaged may have them as well.
  for (const damaged of [
    `<<<<<<< HEAD\n${now}`,
    now.replace(/"lastmodified": "/, '$&not '),
    now.replace('"sops": {', '"spos": {'),
    now.slice(0, -3),
  ]) {
    sandbox.write(sandbox.site, { 'a.enc.json': damaged })
    expectRefused(await over(), 1, 'looks encrypted and cannot be read', 'move it away')
    expect(read(sandbox, 'a.enc.json')).toBe(damaged)
  }
})
