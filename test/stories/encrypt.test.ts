import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { newIdentity } from '../../lib/secrets/age.ts'
import { test, type Ran, type Sandbox } from '../support/sandbox.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const PLAIN = '{\n\t"token": "s3cret-canary",\n\t"name": "team"\n}\n'

/** A directory with a key where sops looks; returns its recipient. */
async function keyed(sandbox: Sandbox, files: Record<string, string> = { 'a.json': PLAIN }): Promise<string> {
  const { identity, recipient } = await newIdentity()
  sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': { text: `${identity.text()}\n`, mode: 0o600 } })
  sandbox.write(sandbox.site, files)
  return recipient
}

const rules = (sandbox: Sandbox, text: string): void => sandbox.write(sandbox.site, { '.sops.yaml': `creation_rules:\n${text}\n` })
const read = (sandbox: Sandbox, path: string): string => readFileSync(join(sandbox.site, path), 'utf8')
const there = (sandbox: Sandbox, path: string): boolean => existsSync(join(sandbox.site, path))

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
    expect([made.code, made.said]).toEqual([0, ''])
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
    [`  - pgp: ABCDEF\n    age: ${to}`, 'pgp'],
    [`  - kms: arn:aws:kms\n    age: ${to}`, 'kms'],
    [`  - key_groups:\n      - age: ['${to}']`, 'key_groups'],
    [`  - age: ${to}\n    encrypted_regex: ^nosuch$`, 'plaintext', 'selector'],
    [`  - age: ${to}\n    encrypted_regex: '('`, 'encrypted_regex'],
    [`  - age: ${to}\n    path_regex: '('`, 'path_regex'],
    [`  - age: ${to}\n    encrypted_regex: a\n    encrypted_suffix: b`, 'at most one'],
    [`  - age: ''`, 'recipient'],
    [`  - age: 17`, 'age'],
    [`  - age: ${to.slice(0, -1)}x`, 'recipient'],
    [`  - age: [['${to}']]`, 'age'],
    [`  -\n  - age: ${to}`, 'not a mapping'],
    ['  - {', 'YAML'],
  ] as const) {
    rules(sandbox, text)
    sandbox.write(sandbox.site, { 'out.json': 'the old ciphertext\n' })
    const ran = await sandbox.gitops(['encrypt', 'a.json', '-o', 'out.json'])
    expect(ran.code, text + ran.said).not.toBe(0)
    expectRefused(ran, ran.code, ...sentences)
    expect(read(sandbox, 'out.json')).toBe('the old ciphertext\n')
  }
})

test('what cannot be encrypted leaves nothing behind: a typo in a recipient, no rules, a missing, broken or encrypted file', async ({
  sandbox,
}) => {
  const to = await keyed(sandbox, { 'a.json': PLAIN, 'broken.json': '{"token": "s3cret-canary"' })
  const encrypt = (...args: string[]): Promise<Ran> => sandbox.gitops(['encrypt', ...args, '-o', 'out.json'])
  expectRefused(await encrypt('a.json', '--age', `${to.slice(0, 20)}x${to.slice(21)}`), 1, 'recipient')
  expectRefused(await encrypt('a.json'), 2, '.sops.yaml', '--age')
  expectRefused(await encrypt('missing.json', '--age', to), 2, 'missing.json is not there')
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
