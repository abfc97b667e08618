import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawn } from 'node:child_process'
import { expect } from 'vitest'
import { CLI, DEFAULT_CONFIG, test, type Files, type Ran, type Sandbox } from '../support/sandbox.ts'

/** Starts a reconcile, sends signals once `when` holds, and resolves with how it ended. */
async function interrupted(
  sandbox: Sandbox,
  when: (stdout: string) => boolean,
  signals: readonly NodeJS.Signals[],
  args = ['reconcile', '--json'],
): Promise<Ran & { last: Record<string, unknown> }> {
  const child = spawn(process.execPath, [CLI, ...args], { cwd: sandbox.site, env: sandbox.env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = once(child, 'close')
  while (!when(stdout) && child.exitCode === null) await sleep(1)
  for (const signal of signals) {
    child.kill(signal)
    await sleep(20)
  }
  const [code] = (await ended) as [number | null]
  const line = stdout.trim().split('\n').at(-1) ?? ''
  return { code: code ?? -1, stdout, stderr, said: stdout + stderr, last: JSON.parse(line) as Record<string, unknown> }
}

const checks = (list: 'smoke' | 'validate', run: string): string => `checks: { ${list}: [{ name: 'long', run: ${JSON.stringify(run)} }] },`

/** An old revision that is live and a new one that is not; returns the live tree. */
async function twoRevisions(sandbox: Sandbox, more: string, files: Files = { '.claude/b.md': 'b\n' }): Promise<Record<string, string>> {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'old\n' })
  sandbox.write(sandbox.home, { '.claude/b.md': 'a note of mine\n', '.claude/history.jsonl': 'typed\n' })
  await sandbox.gitops(['reconcile'])
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, more))
  sandbox.commit({ '.claude/a.md': 'new\n', ...files })
  return sandbox.tree(join(sandbox.home, '.claude'))
}

function expectNothingLeft(sandbox: Sandbox, before: Record<string, string>): void {
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(before)
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
  expect(readdirSync(join(sandbox.root, 'runtime'))).toEqual([])
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} during a long smoke check ends that check, undoes everything and exits ${code}`, async ({ sandbox }) => {
    const before = await twoRevisions(sandbox, checks('smoke', 'touch ~/begun; sleep 60; touch ~/survived'))
    const ran = await interrupted(sandbox, () => existsSync(join(sandbox.home, 'begun')), [signal])

    expect(ran.code, ran.said).toBe(code)
    expect(ran.last).toMatchObject({ kind: 'verdict', outcome: 'failed', exitCode: code, reason: 'Interrupted' })
    expect(String(ran.last['message'])).toContain(`interrupted by ${signal}. What was there before is back`)
    expectNothingLeft(sandbox, before)
    sandbox.config()
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(sandbox.live('.claude/a.md')).toBe('new\n')
  })

  test(`${signal} during a validate check leaves nothing of the stage and exits ${code}`, async ({ sandbox }) => {
    const before = await twoRevisions(sandbox, checks('validate', 'touch ~/begun; sleep 60'))
    const ran = await interrupted(sandbox, () => existsSync(join(sandbox.home, 'begun')), [signal])

    expect(ran.code, ran.said).toBe(code)
    expect(ran.last).toMatchObject({ exitCode: code, reason: 'Interrupted' })
    expect(String(ran.last['message'])).toContain(`interrupted by ${signal}`)
    expectNothingLeft(sandbox, before)
  })
}

test('a signal in the middle of writing many files takes all of them back', async ({ sandbox }) => {
  const many = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`.claude/many/${index % 20}/${index}.md`, `file ${index}\n`]))
  const before = await twoRevisions(sandbox, '', many)
  const ran = await interrupted(sandbox, () => existsSync(join(sandbox.state, 'journal.json')), ['SIGINT'])

  expect(ran.code, ran.said).toBe(130)
  expect(ran.last).toMatchObject({ exitCode: 130, reason: 'Interrupted' })
  expectNothingLeft(sandbox, before)
})

test('a signal while files are read from Git is an interruption, not a failure of Git', async ({ sandbox }) => {
  const many = Object.fromEntries(
    Array.from({ length: 3000 }, (_, index) => [`.claude/many/${index % 20}/${index}.md`, `${index}\n`.repeat(2000)]),
  )
  const before = await twoRevisions(sandbox, '', many)
  for (const delay of [0, 30, 60, 120]) {
    let pulled = 0
    const reading = (stdout: string): boolean => {
      if (pulled === 0 && stdout.includes('"path":["pull"')) pulled = Date.now()
      return pulled !== 0 && Date.now() - pulled >= delay
    }
    const ran = await interrupted(sandbox, reading, ['SIGTERM'])
    expect(ran.code, ran.said).toBe(143)
    expect(ran.last).toMatchObject({ reason: 'Interrupted' })
    expectNothingLeft(sandbox, before)
  }
})

test('a second signal does not break off the undoing', async ({ sandbox }) => {
  const more = `
    tasks: { before: [{ name: 'slow to undo', run: 'true', undo: 'sleep 0.5; echo undone >> ~/log' }] },
    ${checks('smoke', 'touch ~/begun; sleep 60')}`
  const before = await twoRevisions(sandbox, more)
  const ran = await interrupted(sandbox, () => existsSync(join(sandbox.home, 'begun')), ['SIGTERM', 'SIGTERM', 'SIGINT'])

  expect(ran.code, ran.said).toBe(143)
  expect(sandbox.live('log')).toBe('undone\n')
  expectNothingLeft(sandbox, before)
})

test('a signal while a check waits for its next try, or while another run holds the lock, is an interruption', async ({ sandbox }) => {
  const before = await twoRevisions(sandbox, `checks: { smoke: [{ name: 'again', run: 'touch ~/begun; false', retries: 9 }] },`)
  let began = 0
  const waiting = (): boolean => {
    if (began === 0 && existsSync(join(sandbox.home, 'begun'))) began = Date.now()
    return began !== 0 && Date.now() - began > 300
  }
  const ran = await interrupted(sandbox, waiting, ['SIGINT'])
  expect(ran.code, ran.said).toBe(130)
  expectNothingLeft(sandbox, before)

  sandbox.config(DEFAULT_CONFIG(sandbox.remote, checks('smoke', 'touch ~/holding; sleep 60')))
  const holder = interrupted(sandbox, () => existsSync(join(sandbox.home, 'done')), ['SIGTERM'])
  while (!existsSync(join(sandbox.home, 'holding'))) await sleep(5)
  const started = Date.now()
  const second = await interrupted(sandbox, () => Date.now() - started > 700, ['SIGTERM'])
  expect(second.code, second.said).toBe(143)
  expect(second.said).not.toContain('bug')
  sandbox.write(sandbox.home, { done: '' })
  expect((await holder).code).toBe(143)
})
