import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { random } from '../../support/random.ts'
import { DEFAULT_CONFIG, test, type Ran, type Sandbox } from '../../support/sandbox.ts'

/** `npm run test:faults` wants all of it. */
const LONG = process.env['GITOPS_FAULT_ROUNDS'] !== undefined

const NEW = { '.claude/a.md': 'new a\n', '.claude/b/c.md': 'made\n' }

/** A check that does something once, while its flag is there. */
const once = (command: string): string => `[ ! -e ~/flag ] || { rm ~/flag; ${command}; }`

/** The old content is live, the new one is pushed, and one check makes something vanish in the next run. */
async function begun(sandbox: Sandbox, when: 'validate' | 'smoke', command: string): Promise<void> {
  const checks = `checks: { ${when}: [{ name: 'somebody else', run: ${JSON.stringify(once(command))} }] },`
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, checks))
  sandbox.commit({ '.claude/a.md': 'old a\n', '.claude/old.md': 'goes\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  sandbox.commit({ '.claude/old.md': null })
  sandbox.commit(NEW)
  sandbox.write(sandbox.home, { flag: '' })
}

function one(ran: Ran): void {
  expect(ran.said).not.toMatch(/this is a bug|^\s+at .*:\d+:\d+/m)
  expect([0, 1, 4, 5, 6], ran.said).toContain(ran.code)
}

/** Who loses the state loses who owned what is not wanted any more: that stays. */
async function mended(sandbox: Sandbox, stateLost: boolean): Promise<void> {
  rmSync(join(sandbox.home, 'flag'), { force: true })
  // A check that failed because of what vanished has the revision held: that is for a person to release.
  await sandbox.gitops(['retry'])
  const next = await sandbox.gitops(['reconcile'])
  expect(next.code, next.said).toBe(0)
  const { 'old.md': left, ...tree } = sandbox.tree(join(sandbox.home, '.claude'))
  if (!stateLost) expect(left).toBeUndefined()
  expect(tree).toEqual({ 'a.md': '644 new a\n', 'b/': 'directory', 'b/c.md': '644 made\n' })
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
}

for (const when of ['validate', 'smoke'] as const)
  for (const [what, path] of [
    ['the target', '~/.claude'],
    ['the state directory', '~/.local/state/gitops/story'],
    ...(LONG ? [['everything of ours', '~/.claude ~/.local'] as const] : []),
  ] as const)
    for (const fails of [false, true])
      test(`${what} that vanishes in the middle, before a check of ${when} that ${fails ? 'fails' : 'passes'}, is as wanted after the next run`, async ({
        sandbox,
      }) => {
        await begun(sandbox, when, `rm -rf ${path}${fails ? '; false' : ''}`)
        one(await sandbox.gitops(['reconcile']))
        await mended(sandbox, path.includes('.local'))
      })

test('a target or a state directory that vanishes at any instant is as wanted after the next run', async ({ sandbox }) => {
  await begun(sandbox, 'smoke', 'true')
  const chance = random('vanish')
  for (let round = 0; round < 4 * Number(process.env['GITOPS_FAULT_ROUNDS'] ?? 1); round++) {
    sandbox.commit({ '.claude/old.md': `${round}\n`, '.claude/a.md': `old ${round}\n` })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    sandbox.commit({ '.claude/old.md': null })
    sandbox.commit(NEW)
    const running = sandbox.gitops(['reconcile'])
    await sleep(50 + chance() * 300)
    rmSync(round % 2 === 0 ? join(sandbox.home, '.claude') : sandbox.state, { recursive: true, force: true, maxRetries: 5 })
    one(await running)
    await mended(sandbox, round % 2 === 1)
  }
})

test('a state directory that vanishes while files are written beside their places leaves none of these behind', async ({ sandbox }) => {
  await begun(sandbox, 'smoke', 'true')
  sandbox.commit(Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`.claude/many/${index}.md`, `${index}\n`])))
  const target = join(sandbox.home, '.claude')
  const temps = (): string[] => readdirSync(target, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'))
  const running = sandbox.gitops(['reconcile'])
  while (temps().length === 0) await sleep(1)
  rmSync(sandbox.state, { recursive: true, force: true, maxRetries: 5 })
  const ran = await running
  one(ran)
  expect(ran.code, ran.said).not.toBe(0)
  expect(temps()).toEqual([])
})
