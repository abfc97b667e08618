import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'
import { forget, member, sops, trust, type Member } from '../support/sops.ts'

const rule = { kind: 'unencrypted_regex', pattern: '^name$' } as const

/** A repository with encrypted files, in one of which the name says nothing else. */
async function repository(sandbox: Sandbox): Promise<Member> {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({
    'a.json': await sops(me, { name: 'team', token: 's3cret-canary', list: ['s3cret-one', 's3cret-two'] }, { rule }),
    'deep/b c[1].yaml': await sops(me, 'pem: |\n  s3cret-canary\n  end\n', { format: 'yaml' }),
    'plain.json': '{"sops": "a key of its own"}\n',
  })
  return me
}

const git = (sandbox: Sandbox, ...args: string[]): string => sandbox.git(sandbox.work, ...args)
const install = (sandbox: Sandbox): Promise<{ code: number; said: string }> =>
  sandbox.gitops(['git-diff', '--install'], { cwd: sandbox.work })
const changed = (diff: string): string[] => diff.split('\n').filter((line) => /^[+-](?![+-])/.test(line))

test('git diff shows the keys whose values have changed, the same as the same, and no value; git log -p and git show too', async ({
  sandbox,
}) => {
  const me = await repository(sandbox)
  expect(await install(sandbox)).toMatchObject({ code: 0, said: expect.stringContaining('deep/b c[1].yaml is shown by gitops') as string })
  // Every value is encrypted anew, as the real sops does it; only one is another.
  sandbox.write(sandbox.work, {
    'a.json': await sops(
      [me, await member()],
      { name: 'mine', token: 's3cret-other!', list: ['s3cret-new', 's3cret-one', 's3cret-two'] },
      { rule },
    ),
  })
  const diff = git(sandbox, 'diff')
  const mark = '#[0-9a-f]{12}'
  expect(changed(diff)).toEqual([
    '-name: "team"',
    expect.stringMatching(new RegExp(`^-token: str, 13 bytes, ${mark}$`)),
    '+name: "mine"',
    expect.stringMatching(new RegExp(`^\\+token: str, 13 bytes, ${mark}$`)),
    expect.stringMatching(new RegExp(`^\\+list\\[\\]: str, 10 bytes, ${mark}$`)),
    expect.stringMatching(/^\+sops\.recipient: age1/),
  ])
  expect(diff).not.toContain('s3cret')
  git(sandbox, 'commit', '-qam', 'change')
  for (const args of [
    ['log', '-p', '-2'],
    ['show', 'HEAD'],
  ]) {
    const shown = git(sandbox, ...args)
    expect(shown).toContain('token: str, 13 bytes')
    expect(shown).not.toMatch(/s3cret|ENC\[/)
  }
  const values = git(sandbox, '-c', `diff.gitops.textconv='${process.execPath}' '${CLI}' git-diff --show-values`, 'show', 'HEAD')
  expect(changed(values)).toContain('+token: "s3cret-other!"')
  expect(git(sandbox, '-c', `diff.gitops.textconv='${process.execPath}' '${CLI}' git-diff --show-values`, 'show', 'HEAD~1')).toContain(
    '+pem: |\n+  s3cret-canary',
  )
})

test('without a key the ciphertexts are compared: what was encrypted anew is shown as changed', async ({ sandbox }) => {
  const me = await repository(sandbox)
  await install(sandbox)
  forget(sandbox)
  sandbox.write(sandbox.work, { 'a.json': await sops(me, { name: 'team', token: 's3cret-canary', list: [] }, { rule }) })
  const lines = changed(git(sandbox, 'diff'))
  expect(lines.filter((line) => line.includes('token'))).toEqual([
    expect.stringMatching(/^-token: str, 13 bytes, ciphertext [0-9a-f]{12}$/),
    expect.stringMatching(/^\+token: str, 13 bytes, ciphertext [0-9a-f]{12}$/),
  ])
  expect(lines.filter((line) => line.includes('name'))).toEqual([])
})

test('the same value has another mark on another machine, and elsewhere in the file', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, { 'a.json': await sops(me, { one: 's3cret', two: 's3cret' }) })
  const marks = async (data: string): Promise<string[]> => {
    const ran = await sandbox.gitops(['git-diff', 'a.json'], { env: { XDG_DATA_HOME: join(sandbox.root, data) } })
    return [...ran.stdout.matchAll(/#([0-9a-f]{12})/g)].map(([, mark = '']) => mark)
  }
  const [here, again, there] = [await marks('here'), await marks('here'), await marks('there')]
  expect(here).toEqual(again)
  expect(new Set([...here, ...there]).size).toBe(4)
})

test('a file that is broken, in clear, or changed by hand is shown too, and never breaks the diff', async ({ sandbox }) => {
  const me = await repository(sandbox)
  await install(sandbox)
  const good = await sops(me, { name: 'team', token: 's3cret-canary' }, { rule })
  for (const [text, shown] of [
    [good.replace('"team"', '"mine"'), '+! cannot be trusted: its MAC does not match'],
    [
      good.replace(/(ENC\[AES256_GCM,data:)(.)/, (_, head: string, one: string) => head + (one === 'A' ? 'B' : 'A')),
      '+! cannot be trusted: the value at "token"',
    ],
    ['{"in": "clear"}\n', '+{"in": "clear"}'],
    [`<<<<<<< ours\n${good}`, '+<<<<<<< ours'],
    ['', '-token'],
    [good.replace('"team"', '"\\u202eteam"'), '+name: "\\u202eteam"'],
  ] as const) {
    sandbox.write(sandbox.work, { 'a.json': text })
    const diff = git(sandbox, 'diff')
    expect(changed(diff).join('\n'), text).toContain(shown)
    expect(diff).not.toContain('s3cret')
  }
})

test('an encrypted file that Git does not track yet is not said to be known', async ({ sandbox }) => {
  const me = await member()
  sandbox.commit({ 'plain.json': '{}\n' })
  sandbox.write(sandbox.work, { 'a.json': await sops(me, { token: 's3cret-canary' }) })
  expect(await install(sandbox)).toMatchObject({
    code: 0,
    said: expect.stringContaining('Git tracks no encrypted file here yet') as string,
  })
  git(sandbox, 'add', 'a.json')
  expect((await install(sandbox)).said).toContain('a.json is shown by gitops from now on')
  expect((await install(sandbox)).said).toContain('known already')
})

test('installing is done once: again it changes nothing, adds only what is new, and leaves other drivers alone', async ({ sandbox }) => {
  const me = await repository(sandbox)
  sandbox.commit({ '.gitattributes': '*.txt text\nother.json diff=sopsdiffer', 'other.json': await sops(me, { a: 1 }) })
  expect((await install(sandbox)).said).toContain('other.json is shown by another diff driver')
  const attributes = (): string => readFileSync(join(sandbox.work, '.gitattributes'), 'utf8')
  expect(attributes()).toBe('*.txt text\nother.json diff=sopsdiffer\n/a.json diff=gitops\n"/deep/b c\\\\[1\\\\].yaml" diff=gitops\n')
  expect(git(sandbox, 'config', 'diff.gitops.textconv')).toContain('git-diff')
  const once = attributes()
  expect((await sandbox.gitops(['git-diff', '--install'], { cwd: join(sandbox.work, 'deep') })).code).toBe(0)
  expect(attributes()).toBe(once)
  sandbox.commit({ 'new.json': await sops(me, { a: 1 }) })
  await install(sandbox)
  expect(attributes()).toBe(`${once}/new.json diff=gitops\n`)
  const outside = await sandbox.gitops(['git-diff', '--install'])
  expect([outside.code, outside.stderr]).toEqual([2, expect.stringContaining('no work tree')])
  expect(existsSync(join(sandbox.site, '.gitattributes'))).toBe(false)
})

test('when the gitops of a project is gone, git diff shows the encrypted files as they are, and does not fail', async ({ sandbox }) => {
  const me = await repository(sandbox)
  await install(sandbox)
  const command = git(sandbox, 'config', 'diff.gitops.textconv')
  expect(command).toContain(CLI)
  git(sandbox, 'config', 'diff.gitops.textconv', command.replaceAll(CLI, '/gone/main.js'))
  sandbox.write(sandbox.work, { 'a.json': await sops(me, { name: 'mine', token: 's3cret-canary' }, { rule }) })
  expect(git(sandbox, 'diff')).toMatch(/^\+ *"token": "ENC\[/m)
})
