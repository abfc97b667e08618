import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { CLI, test, type Ran, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const YAML = '# note\ntoken: s3cret-canary\nport: 80\n'

/** A file that the sandbox's user can open, and an editor that is a shell script. */
async function begun(sandbox: Sandbox, script: string): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, {
    'a.yaml': { text: await sops(me, YAML, { format: 'yaml', now: new Date('2026-01-01') }), mode: 0o640 },
    '.sops.yaml': `creation_rules:\n  - age: ${me.recipient}\n`,
  })
  write(sandbox, script)
}

const write = (sandbox: Sandbox, script: string): void =>
  sandbox.write(sandbox.root, { 'bin/my editor': { text: `#!/bin/sh\n${script}\n`, mode: 0o755 } })
const editor = (sandbox: Sandbox): NodeJS.ProcessEnv => ({ EDITOR: `'${join(sandbox.root, 'bin/my editor')}' --wait`, SOPS_AGE_KEY: '' })
const edit = (sandbox: Sandbox, name = 'a.yaml', env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  sandbox.gitops(['edit', name], { env: { ...editor(sandbox), ...env } })
const read = (sandbox: Sandbox, name = 'a.yaml'): string => readFileSync(join(sandbox.site, name), 'utf8')
const plain = async (sandbox: Sandbox, name = 'a.yaml'): Promise<string> => (await sandbox.gitops(['decrypt', name])).stdout

/** Neither in memory nor on the disk is anything left of an editor's file. */
function expectNothingLeft(sandbox: Sandbox): void {
  expect(readdirSync(join(sandbox.root, 'runtime'))).toEqual([])
  const { stdout } = spawnSync('grep', ['-rlaF', '--exclude-dir=bin', 's3cret-canary', sandbox.root], { encoding: 'utf8' })
  expect(stdout).toBe('')
}

test('the editor gets the plaintext under the name of the file, in a private place in memory, and only what it changes is encrypted anew', async ({
  sandbox,
}) => {
  await begun(
    sandbox,
    'stat -c "%a %n" "$2" "$(dirname "$2")" > seen; echo "$1 $SOPS_AGE_KEY" >> seen; sed -i s/80/8080/ "$2"; touch "$2~"',
  )
  const before = read(sandbox)
  expect(await edit(sandbox, 'a.yaml', { SOPS_AGE_KEY: '# none\n' })).toMatchObject({ code: 0, said: '' })
  const runtime = join(sandbox.root, 'runtime')
  expect(read(sandbox, 'seen')).toMatch(new RegExp(`^600 (${runtime}/gitops-edit-\\S+)/a\\.yaml\n700 \\1\n--wait \n$`))
  expect(await plain(sandbox)).toBe(YAML.replace('80', '8080'))
  const changed = read(sandbox)
    .split('\n')
    .filter((line) => !before.includes(line))
  expect(changed.map((line) => line.trim().split(':')[0])).toEqual(['port', 'lastmodified', 'mac'])
  expectNothingLeft(sandbox)
})

test('without a change nothing is written and the exit code is 200; without an editor, or when it fails, it is 201', async ({
  sandbox,
}) => {
  await begun(sandbox, 'touch "$2"')
  const before = read(sandbox)
  const ends = async (code: number, env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const ran = await edit(sandbox, 'a.yaml', env)
    expect([ran.code, ran.stdout], ran.stderr).toEqual([code, ''])
    expect(read(sandbox)).toBe(before)
    expectNothingLeft(sandbox)
    return ran.stderr
  }
  expect(await ends(200)).toContain('was not changed')
  write(sandbox, 'echo x >> "$2"; exit 3')
  expect(await ends(201)).toContain('exit code 3')
  expect(await ends(201, { EDITOR: 'nosuch-editor -x' })).toContain('nosuch-editor')
  expect(await ends(201, { EDITOR: '"unclosed' })).toContain('EDITOR')
  // Beside the file it would run whatever somebody has put into the repository.
  sandbox.write(sandbox.site, { planted: { text: '#!/bin/sh\ntouch ran\n', mode: 0o755 } })
  expect(await ends(201, { EDITOR: 'planted' })).toContain('PATH')
  expect(await ends(201, { EDITOR: '', PATH: '.' })).toContain('none of vim, nano, vi')
  expect(existsSync(join(sandbox.site, 'ran'))).toBe(false)
  write(sandbox, 'echo "broken: [" >> "$2"')
  expect(await ends(1)).toContain('a.yaml is not valid YAML')
  write(sandbox, 'echo "sops: mine" >> "$2"')
  expect(await ends(203)).not.toContain('s3cret')
})

test('a file that is not there starts from an example of its format and is encrypted as the policy says', async ({ sandbox, skip }) => {
  await begun(sandbox, 'cat "$2" > shown; echo "$2" >> shown; case "$2" in *.json) echo \'{"a": 1}\' > "$2";; *) echo "a: 1" > "$2";; esac')
  for (const [name, shown, format] of [
    ['deep.yaml', 'example: Put', 'yaml'],
    ['new/directory/c.yaml', 'example: Put', 'yaml'],
    ['b.json.enc', '"example": "Put', 'json'],
    ['c', 'Put what is to be encrypted', 'binary'],
  ] as const) {
    expect(await edit(sandbox, name), name).toMatchObject({ code: 0 })
    expect(read(sandbox, 'shown')).toContain(shown)
    expect(read(sandbox, 'shown')).toMatch(/\/(?:deep\.yaml|c\.yaml|b\.json|c)\n$/)
    expect(await plain(sandbox, name), format).toBe(format === 'json' ? '{"a": 1}\n' : 'a: 1\n')
  }
  write(sandbox, ':')
  expect(await edit(sandbox, 'unchanged.yaml')).toMatchObject({ code: 200 })
  expect(existsSync(join(sandbox.site, 'unchanged.yaml'))).toBe(false)
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  expect(spawnSync(SOPS, ['decrypt', 'deep.yaml'], { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' }).stdout).toBe('a: 1\n')
})

test('a file that somebody else changes meanwhile stays as they left it, and what was written is kept beside it, encrypted', async ({
  sandbox,
}) => {
  await begun(sandbox, 'echo "mine: s3cret-canary" >> "$2"; echo "# theirs" >> a.yaml')
  const ran = await edit(sandbox)
  expect([ran.code, ran.stdout]).toEqual([5, ''])
  expect(ran.stderr).toContain('a.edited.yaml')
  expect(read(sandbox)).toMatch(/# theirs\n$/)
  expect(await plain(sandbox, 'a.edited.yaml')).toBe(`${YAML}mine: s3cret-canary\n`)
  expectNothingLeft(sandbox)
})

/** Starts editing and waits until the editor is there. */
async function editing(sandbox: Sandbox): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CLI, 'edit', 'a.yaml'], {
    cwd: sandbox.site,
    env: { ...sandbox.env, ...editor(sandbox) },
    stdio: 'ignore',
  })
  while (!existsSync(join(sandbox.site, 'begun'))) await sleep(5)
  return child
}

test('a signal ends the editor and nothing of its file is left; what a killed one left goes with the next', async ({ sandbox }) => {
  await begun(sandbox, 'echo "more: s3cret-canary" >> "$2"; touch begun; exec sleep 30')
  const before = read(sandbox)
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 130],
    ['SIGINT', 130],
    ['SIGUSR1', 130],
    ['SIGUSR2', 130],
    ['SIGALRM', 130],
    ['SIGABRT', 130],
    ['SIGVTALRM', 130],
  ] as const) {
    const child = await editing(sandbox)
    child.kill(signal)
    const [ended, by] = (await once(child, 'exit')) as [number | null, string | null]
    expect([ended, by]).toEqual([code, null])
    expect(read(sandbox)).toBe(before)
    expectNothingLeft(sandbox)
    spawnSync('rm', [join(sandbox.site, 'begun')])
  }
  const killed = await editing(sandbox)
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  expect(readdirSync(join(sandbox.root, 'runtime'))).toHaveLength(1)
  write(sandbox, ':')
  expect((await edit(sandbox)).code).toBe(200)
  expectNothingLeft(sandbox)
})

test('an editor that leaves no file in the place of its file is told so in one sentence', async ({ sandbox }) => {
  await begun(sandbox, '')
  const before = read(sandbox)
  for (const [script, what] of [
    ['mkfifo', 'a pipe'],
    ['mkdir', 'a directory'],
    ['ln -s /etc/passwd', 'a link'],
    [':', 'nothing'],
  ] as const) {
    write(sandbox, `rm "$2"; ${script} "$2"`)
    const ran = await edit(sandbox)
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([
      201,
      '',
      `gitops: the editor left ${what} in the place of its file: nothing is written\n`,
    ])
    expect(read(sandbox)).toBe(before)
    expectNothingLeft(sandbox)
  }
})

test('no signal opens a debugger while secrets are in memory', async ({ sandbox }) => {
  await begun(sandbox, '')
  const child = spawn(process.execPath, [CLI, 'set', 'a.yaml', '/port'], { cwd: sandbox.site, env: sandbox.env, stdio: 'pipe' })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  // Before it listens Node itself would answer; it reads standard input much later.
  await sleep(1000)
  child.kill('SIGUSR1')
  await sleep(200)
  child.stdin.end('8080')
  const [code] = (await once(child, 'close')) as [number]
  expect([code, said]).toEqual([0, ''])
})

test('at a terminal what cannot be saved goes back to the editor', async ({ sandbox, skip }) => {
  skip(process.platform !== 'linux' || spawnSync('script', ['--version']).status !== 0, 'there is no `script` to make a terminal with')
  await begun(sandbox, 'if test -e second; then sed -i "s/: \\[/: fixed/" "$2"; else echo "broken: [" >> "$2"; touch second; fi')
  const line = `'${process.execPath}' '${CLI}' edit a.yaml`
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: sandbox.site,
    env: { ...sandbox.env, ...editor(sandbox) },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    if (said.includes('Enter goes back')) child.stdin.end('\r')
  })
  const [code] = (await once(child, 'close')) as [number]
  expect(said).toContain('a.yaml is not valid YAML')
  expect(code, said).toBe(0)
  expect(await plain(sandbox)).toContain('broken: fixed')
  expectNothingLeft(sandbox)
})

test('what is wrong with the edited text is told of that text, not of the file, which stays', async ({ sandbox }) => {
  await begun(sandbox, 'printf "token: [s3cret-canary" > "$2"')
  const before = read(sandbox)
  const ran = await edit(sandbox)
  expect([ran.code, ran.stdout]).toEqual([1, ''])
  expect(ran.stderr).toMatch(
    /^gitops: what you have written for \S+a\.yaml is not valid YAML: .* at line 1, column \d+\n\S+a\.yaml stays as it was\.\n$/,
  )
  expect(read(sandbox)).toBe(before)
  expectNothingLeft(sandbox)
})
