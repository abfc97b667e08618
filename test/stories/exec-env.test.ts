import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { CLI, test, type Ran, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const PLAIN = 'WORD: s3cret\nLINES: |\n  a\n  b\nINT: 9223372036854775807\nFLOAT: 1.50\nYES: true\nEMPTY: ""\n_1: x=y\n'

async function file(sandbox: Sandbox, plain = PLAIN): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, { 'a.yaml': await sops(me, plain, { format: 'yaml' }) })
}

test('the values are in the environment of the command and nothing of them is in its arguments; its exit code is ours', async ({
  sandbox,
  skip,
}) => {
  await file(sandbox, `${PLAIN}NOTHING: null\n`)
  const run = (...args: string[]): Promise<Ran> => sandbox.gitops(['exec-env', ...args])
  expect(
    await run('a.yaml', 'printf "%s|" "$WORD" "$LINES" "$INT" "$FLOAT" "$YES" "$EMPTY" "$_1" "${NOTHING-unset}"; echo "$USER"; exit 7'),
  ).toMatchObject({
    code: 7,
    stdout: 's3cret|a\nb\n|9223372036854775807|1.5|true||x=y|unset|story\n',
    stderr: '',
  })
  expect((await run('a.yaml', '--', 'printenv', 'WORD')).stdout).toBe('s3cret\n')
  expect((await run('--pristine', 'a.yaml', '--', 'env')).stdout.split('\n').toSorted()).toEqual(
    ['', 'EMPTY=', 'FLOAT=1.5', 'INT=9223372036854775807', 'LINES=a', 'WORD=s3cret', 'YES=true', '_1=x=y', 'b', ''].toSorted(),
  )
  expect((await run('a.yaml', 'kill -TERM $$')).code).toBe(143)
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  await file(sandbox)
  const theirs = spawnSync(SOPS, ['exec-env', '--pristine', 'a.yaml', 'env | grep -v ^PWD'], {
    cwd: sandbox.site,
    env: sandbox.env,
    encoding: 'utf8',
  })
  const ours = await run('--pristine', 'a.yaml', 'env | grep -v ^PWD')
  expect(ours.stdout.split('\n').toSorted()).toEqual(theirs.stdout.split('\n').toSorted())
})

test('what no variable can hold is refused with the name of its key, and the command is not run', async ({ sandbox }) => {
  for (const [plain, key] of [
    ['a: 1\nnested:\n  b: s3cret\n', '"nested"'],
    ['list: [s3cret]\n', '"list"'],
    ['a-b: s3cret\n', '"a-b"'],
    ['"a=b": s3cret\n', '"a=b"'],
    ['nul: "s3cret\\0"\n', '"nul"'],
  ] as const) {
    await file(sandbox, plain)
    const ran = await sandbox.gitops(['exec-env', 'a.yaml', 'touch ran'])
    expect([ran.code, ran.stdout], plain).toEqual([1, ''])
    expect(ran.stderr).toContain(key)
    expect(ran.stderr).not.toContain('s3cret')
  }
  await file(sandbox, `large: ${'s3cret'.repeat(500_000)}\n`)
  const large = await sandbox.gitops(['exec-env', 'a.yaml', 'touch ran'])
  expect([large.code, large.stdout, large.stderr]).toEqual([
    1,
    '',
    expect.stringMatching(/^gitops: \/bin\/sh cannot be started: .*larger.*\n.+\n$/),
  ])
  await file(sandbox)
  const several = await sandbox.gitops(['exec-env', 'a.yaml', 'touch', 'ran'])
  expect([several.code, several.stderr]).toEqual([2, expect.stringContaining('--')])
  expect((await sandbox.gitops(['exec-env', 'a.yaml', '--', 'nosuch-program'])).stderr).toContain('not in PATH')
  expect(existsSync(join(sandbox.site, 'ran'))).toBe(false)
})

test('a signal goes to the command, which decides when it ends', async ({ sandbox }) => {
  await file(sandbox)
  const script = 'trap "echo ended > done; exit 5" TERM; touch begun; while :; do sleep 0.05; done'
  const child = spawn(process.execPath, [CLI, 'exec-env', 'a.yaml', script], { cwd: sandbox.site, env: sandbox.env, stdio: 'ignore' })
  const ended = new Promise((done) => child.once('exit', done))
  while (!existsSync(join(sandbox.site, 'begun'))) await sleep(5)
  child.kill('SIGTERM')
  expect(await ended).toBe(5)
  expect(existsSync(join(sandbox.site, 'done'))).toBe(true)
})

test('a dotenv line that a shell would export is a variable of that name; in another format such a key is refused', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, {
    'a.enc.env': await sops(me, 'export WORD=s3cret\nexport=2\n', { format: 'dotenv' }),
    'b.yaml': await sops(me, 'export WORD: s3cret\n', { format: 'yaml' }),
  })
  expect(await sandbox.gitops(['exec-env', 'a.enc.env', 'echo "$WORD"; printenv export'])).toMatchObject({ code: 0, stdout: 's3cret\n2\n' })
  expect(await sandbox.gitops(['exec-env', 'b.yaml', 'true'])).toMatchObject({ code: 1, stderr: expect.stringContaining('"export WORD"') })
})
