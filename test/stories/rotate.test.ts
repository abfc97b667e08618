import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'

const read = (sandbox: Sandbox, name: string): string => readFileSync(join(sandbox.site, name), 'utf8')

/** The recipients that a JSON file names, and the encrypted text of its value. */
function inside(sandbox: Sandbox, name: string): { value: string; recipients: string[]; enc: string[] } {
  const { a, sops: block } = JSON.parse(read(sandbox, name)) as { a: string; sops: { age: { recipient: string; enc: string }[] } }
  return { value: a, recipients: block.age.map(({ recipient }) => recipient), enc: block.age.map(({ enc }) => enc) }
}

test('rotate gives files a new data key: every value and every wrapped key changes, the plaintext does not', async ({ sandbox, skip }) => {
  const [me, other] = [await member(), await member()]
  trust(sandbox, me)
  sandbox.write(sandbox.site, { 'a.json': await sops([me, other], { a: 's3cret' }), 'b.json': await sops(me, { a: 's3cret' }) })
  sandbox.write(sandbox.site, {
    '.sops.yaml': `creation_rules:\n  - path_regex: ^a\n    age: [${me.recipient}, ${other.recipient}]\n  - age: ${me.recipient}\n`,
  })
  const before = inside(sandbox, 'a.json')
  expect(await sandbox.gitops(['rotate', '-i', 'a.json', 'b.json'])).toMatchObject({ code: 0, said: '' })
  const after = inside(sandbox, 'a.json')
  expect(after.recipients).toEqual(before.recipients)
  expect(after.value).not.toBe(before.value)
  expect(after.enc.filter((enc) => before.enc.includes(enc))).toEqual([])
  expect((await sandbox.gitops(['decrypt', 'a.json'])).stdout).toContain('s3cret')

  const printed = await sandbox.gitops(['rotate', 'a.json', '--add-age', (await member()).recipient, '--rm-age', other.recipient])
  expect((JSON.parse(printed.stdout) as { sops: { age: unknown[] } }).sops.age).toHaveLength(2)
  expect(printed.stderr).toContain(`${other.recipient} can read it no more`)
  expect(inside(sandbox, 'a.json')).toEqual(after)
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  expect(spawnSync(SOPS, ['decrypt', 'a.json'], { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' }).stdout).toContain('s3cret')
})

test('a recipient that the policy does not name is never given the new key; one that it names gets it', async ({ sandbox }) => {
  const [me, stranger, colleague] = [await member(), await member(), await member()]
  trust(sandbox, me)
  // Whoever can push can add an entry for themselves; the real `sops rotate` would hand them the new key.
  sandbox.write(sandbox.site, {
    '.sops.yaml': `creation_rules:\n  - path_regex: a\\.json$\n    age: [${me.recipient}, ${colleague.recipient}]\n`,
    'a.json': await sops([me, stranger], { a: 's3cret' }),
  })
  const before = read(sandbox, 'a.json')
  const refused = await sandbox.gitops(['rotate', '-i', 'a.json'])
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toContain(`does not name: ${stranger.recipient}`)
  expect(refused.stderr).toContain(`--rm-age ${stranger.recipient}`)
  expect(read(sandbox, 'a.json')).toBe(before)

  const done = await sandbox.gitops(['rotate', '-i', 'a.json', '--rm-age', stranger.recipient])
  expect([done.code, done.stdout]).toEqual([0, ''])
  expect(done.stderr).toContain(`new recipient ${colleague.recipient}`)
  expect(inside(sandbox, 'a.json').recipients).toEqual([me.recipient, colleague.recipient])
  for (const [who, code] of [
    [colleague, 0],
    [stranger, 128],
  ] as const) {
    expect((await sandbox.gitops(['decrypt', 'a.json'], { env: { SOPS_AGE_KEY: who.identity, HOME: sandbox.root } })).code).toBe(code)
  }
  const none = await sandbox.gitops(['rotate', '-i', 'a.json', '--rm-age', [me, colleague].map(({ recipient }) => recipient).join(',')])
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no recipient')])
  expect((await sandbox.gitops(['rotate', 'a.json', '--rm-age', 'age1typo'])).stderr).toContain('--rm-age')
})

test('without a rule nobody gets the new key but whom the person names: not who stands in the file, not next to a new one, not from standard input', async ({
  sandbox,
}) => {
  const [me, stranger, friend] = [await member(), await member(), await member()]
  trust(sandbox, me)
  sandbox.write(sandbox.site, { 'a.json': await sops([me, stranger], { a: 's3cret' }) })
  const before = read(sandbox, 'a.json')
  const refused = async (args: readonly string[], ...sentences: string[]): Promise<void> => {
    const ran = await sandbox.gitops(['rotate', ...args], { input: before })
    expect([ran.code, ran.stdout], ran.stderr).toEqual([1, ''])
    for (const sentence of sentences) expect(ran.stderr).toContain(sentence)
    expect(read(sandbox, 'a.json')).toBe(before)
  }
  const both = `${me.recipient},${stranger.recipient}`
  await refused(['-i', 'a.json'], 'a.json has no rule that says who may read it', `--age ${both}`)
  await refused(['-i', 'a.json', '--add-age', friend.recipient], 'has no rule')
  await refused(['-i', 'a.json', '--rm-age', me.recipient], 'has no rule')
  await refused(['-i', 'a.json', '--age', me.recipient], `that --age does not name: ${stranger.recipient}`)
  await refused(['-i', 'a.json', '--age', `${me.recipient},age1typo`], '--age')
  await refused(['-'], '--filename-override')
  const without = ['rotate', 'a.json', '--age', `${me.recipient},${friend.recipient}`, '--rm-age', stranger.recipient]
  for (const [args, names] of [
    [
      ['rotate', 'a.json', '--age', both],
      [me, stranger],
    ],
    [without, [me, friend]],
  ] as const) {
    const ran = await sandbox.gitops(args)
    expect(ran.code, ran.stderr).toBe(0)
    const { sops: block } = JSON.parse(ran.stdout) as { sops: { age: { recipient: string }[] } }
    expect(block.age.map(({ recipient }) => recipient)).toEqual(names.map(({ recipient }) => recipient))
  }
  sandbox.write(sandbox.site, { '.sops.yaml': `creation_rules:\n  - path_regex: ^b\n    age: ${me.recipient}\n` })
  await refused(['-i', 'a.json'], 'has no rule')
  await refused(['-', '--filename-override', 'b.json'], `does not name: ${stranger.recipient}`)
})

test('whoever rotates a file for others than themselves is told that they cannot open it any more', async ({ sandbox }) => {
  const [me, other] = [await member(), await member()]
  trust(sandbox, me)
  sandbox.write(sandbox.site, { 'a.json': await sops([me, other], { a: 's3cret' }) })
  const done = await sandbox.gitops(['rotate', '-i', 'a.json', '--age', other.recipient, '--rm-age', me.recipient])
  expect([done.code, done.stdout]).toEqual([0, ''])
  expect(done.stderr).toContain(`a.json: Your identity (${me.recipient}) cannot open what was written`)
})
