import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { expect } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'

const GOLDEN = join(import.meta.dirname, 'golden')

/** A source that is rolled back and one that cannot be reached; a target that drifted. */
const BROKEN = (remote: string): string => `{
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(remote)}, ref: 'main' }, gone: { repo: '../gone', ref: 'main' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' }, other: { source: 'gone', from: '.', to: '~/other' } },
  checks: { smoke: [{ name: 'good', source: 'team', run: 'grep -q good ~/.claude/settings.json' }] },
}`

/** What differs from run to run, by a name. */
function stable(sandbox: Sandbox, text: string): string {
  const commits = sandbox.git(sandbox.work, 'rev-list', '--reverse', 'HEAD').split('\n')
  const named = commits.reduce(
    (all, commit, index) => all.replaceAll(commit, `COMMIT-${index + 1}`).replaceAll(commit.slice(0, 7), `C-${index + 1}`),
    stripVTControlCharacters(text),
  )
  return named
    .replaceAll(sandbox.root, 'ROOT')
    .replaceAll(/"duration":\d+/g, '"duration":0')
    .replaceAll(/ {2}\(\d+(?:\.\d+)?m?s\)/g, '')
    .replaceAll(/ \[\d+(?:\.\d+)?m?s\]/g, '')
    .replaceAll('\r\n', '\n')
}

/** Runs in a pseudo-terminal of 160 columns; null where there is no `script`. */
function onTerminal(sandbox: Sandbox, ...args: string[]): { status: number | null; raw: string; last: string } | null {
  const version = spawnSync('script', ['--version'], { encoding: 'utf8' })
  if (version.error !== undefined || !version.stdout.includes('util-linux')) return null
  const command = `stty cols 160 rows 50; exec '${process.execPath}' '${CLI}' ${args.join(' ')}`
  const env = { ...sandbox.env, NO_COLOR: undefined, TERM: 'xterm-256color', COLORTERM: undefined }
  const { status, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd: sandbox.site,
    env,
    encoding: 'utf8',
    timeout: 50_000,
  })
  // listr2 draws each frame as one synchronised update; what comes after the last one stays on the screen.
  return { status, raw: stdout, last: stdout.slice(stdout.lastIndexOf('\u001b[?2026l')) }
}

const NO_SCRIPT = 'there is no util-linux `script` to make a terminal with'

/** Applied once, then drifted, then a bad commit. */
async function broken(sandbox: Sandbox): Promise<void> {
  sandbox.commit({ '.claude/settings.json': '{"good":1}\n', '.claude/CLAUDE.md': 'rules\n' })
  sandbox.config(BROKEN(sandbox.remote))
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/CLAUDE.md': 'mine\n' })
  sandbox.commit({ '.claude/settings.json': '{"bad":1}\n' })
}

test('a pipe gets one line an event, with the whole trail of the step, and the verdict last', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{"good":1}\n' })
  sandbox.config(BROKEN(sandbox.remote))
  const first = await sandbox.gitops(['reconcile'])
  expect(first.code).toBe(1)
  await expect(stable(sandbox, first.stdout)).toMatchFileSnapshot(join(GOLDEN, 'lines-first.txt'))
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"good":1,"drift":1}\n' })
  sandbox.commit({ '.claude/settings.json': '{"bad":1}\n' })
  const dry = await sandbox.gitops(['reconcile', '--dry-run'])
  await expect(stable(sandbox, dry.stdout)).toMatchFileSnapshot(join(GOLDEN, 'lines-dry.txt'))
  const back = await sandbox.gitops(['reconcile'])
  await expect(stable(sandbox, back.stdout)).toMatchFileSnapshot(join(GOLDEN, 'lines-rollback.txt'))
  expect(first.stdout + dry.stdout + back.stdout).not.toContain('\u001b')
})

test('a terminal shows listr2’s own tree with what failed, was skipped and was rolled back, and ends with the verdict', async ({
  sandbox,
  skip,
}) => {
  await broken(sandbox)
  const shown = onTerminal(sandbox, 'reconcile')
  skip(shown === null, NO_SCRIPT)
  if (shown === null) return
  expect(shown.status).toBe(1)
  expect(shown.raw).toContain('\u001b[32m✔')
  // The cursor is shown again, whatever happened.
  expect(shown.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.raw.lastIndexOf('\u001b[?25l'))
  await expect(stable(sandbox, shown.last)).toMatchFileSnapshot(join(GOLDEN, 'terminal-rollback.txt'))
})

test('a diff is coloured on a terminal and plain in a pipe, and otherwise the same', async ({ sandbox, skip }) => {
  await broken(sandbox)
  const shown = onTerminal(sandbox, 'diff')
  skip(shown === null, NO_SCRIPT)
  if (shown === null) return
  expect(shown.raw).toContain('\u001b[32m+')
  const plain = await sandbox.gitops(['diff'])
  expect(plain.stdout).not.toContain('\u001b')
  expect(stripVTControlCharacters(shown.raw).replaceAll('\r\n', '\n')).toBe(plain.stdout)
})

test('with --json every line is an object and the last one is the verdict, its keys in the order that is documented', async ({
  sandbox,
}) => {
  await broken(sandbox)
  const ran = await sandbox.gitops(['reconcile', '--json'])
  expect(ran.stderr).toBe('')
  const lines = ran.stdout.trimEnd().split('\n')
  const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const steps = objects.slice(0, -1)
  expect(
    steps.every(
      (step) => step['kind'] === 'step' && ['kind,path,state,text', 'kind,path,state,text,duration'].includes(Object.keys(step).join()),
    ),
  ).toBe(true)
  expect(new Set(steps.map((step) => step['state']))).toEqual(new Set(['completed', 'failed', 'skipped', 'output', 'rolled-back']))
  const verdict = objects.at(-1) as Record<string, unknown> & { targets: object[]; error: object }
  expect(Object.keys(verdict)).toEqual(['kind', 'outcome', 'exitCode', 'reason', 'message', 'revisions', 'targets', 'error'])
  expect(verdict).toMatchObject({ kind: 'verdict', outcome: 'failed', exitCode: ran.code, reason: 'FetchFailed' })
  const keys = ['name', 'kind', 'source', 'to', 'outcome', 'revision', 'created', 'updated', 'deleted', 'reason']
  expect(verdict.targets.map((target) => Object.keys(target))).toEqual([keys])
  expect(Object.keys(verdict.error)).toEqual(['code', 'message', 'hint'])
  await expect(`${lines.map((line) => stable(sandbox, line)).join('\n')}\n`).toMatchFileSnapshot(join(GOLDEN, 'json-rollback.jsonl'))
})

test('with --json a run that never began ends with a verdict too', async ({ sandbox }) => {
  const verdictOf = async (...args: string[]): Promise<unknown> => {
    const ran = await sandbox.gitops(['reconcile', '--json', ...args])
    const verdict = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1) ?? '') as { exitCode: number }
    expect(verdict.exitCode).toBe(ran.code)
    return verdict
  }
  const wrong = { kind: 'verdict', outcome: 'failed', exitCode: 2, reason: 'ConfigInvalid', revisions: {}, targets: [] }
  expect(await verdictOf()).toMatchObject({ ...wrong, error: { code: 'config' } })
  expect(await verdictOf('--nosuch')).toMatchObject({
    ...wrong,
    error: { code: 'usage', message: expect.stringContaining("'--nosuch'") as string },
  })
  sandbox.config(`{ sources: { team: { repo: '.', reff: 'x' } } }`)
  expect(await verdictOf()).toMatchObject({
    ...wrong,
    error: { code: 'config', message: expect.stringContaining('sources.team.reff') as string },
  })
})

test('a file name that speaks to the terminal is shown, not obeyed, wherever it appears', async ({ sandbox, skip }) => {
  const hostile = 'a\u001b[31mred\u001b]0;title\u0007\nnew line.md'
  sandbox.commit({ '.claude/settings.json': '{"good":1}\n', [`.claude/${hostile}`]: 'x\n' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { [`.claude/${hostile}`]: 'drift \u001b[2J\n' })

  const harmless = (text: string): void => {
    expect(text).not.toContain('\u001b[31mred')
    expect(text).not.toContain('\u001b]0;')
    expect(text).not.toContain('\u001b[2J')
    expect(text).not.toContain('\u0007')
    expect(text).not.toMatch(/^\s*new line\.md/m)
    expect(text.replaceAll('\\\\', '\\')).toContain(String.raw`\u001b[31mred\u001b]0;title\u0007\nnew line.md`)
  }
  for (const args of [['diff'], ['status'], ['reconcile', '--dry-run'], ['reconcile', '--dry-run', '--json']]) {
    harmless((await sandbox.gitops(args)).said)
  }
  const status = JSON.parse((await sandbox.gitops(['status', '--json'])).stdout) as { sources: { drift: { path: string }[] }[] }
  expect(status.sources[0]?.drift[0]?.path).toBe(join(sandbox.home, '.claude', hostile))
  const shown = onTerminal(sandbox, 'reconcile')
  skip(shown === null, NO_SCRIPT)
  if (shown !== null) harmless(shown.raw)
})

test('what a check prints cannot speak to the terminal either', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{}\n' })
  sandbox.config(`{
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
  checks: { smoke: [{ name: 'rude', run: 'printf "\\\\033[2Jgone\\\\007"; exit 1' }] },
}`)
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code).toBe(6)
  expect(ran.said).not.toContain('\u001b')
  expect(ran.said).not.toContain('\u0007')
  expect(ran.said).toContain(String.raw`\u001b[2Jgone\u0007`)
})
