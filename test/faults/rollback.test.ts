import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { random } from '../support/random.ts'
import { test, type Files, type Sandbox } from '../support/sandbox.ts'

const TIMES = Number(process.env['GITOPS_FAULT_ROUNDS'] ?? 1)
const COUNT = 60

const numbered = (text: string): Files =>
  Object.fromEntries(Array.from({ length: COUNT }, (_, n) => [`.claude/d${n % 7}/${n}`, `${text} ${n}\n`]))

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')

/** Kills a command some time after its journal is there. Whether it was in the middle. */
async function killed(sandbox: Sandbox, delay: number, ...args: string[]): Promise<boolean> {
  const child = sandbox.start(args)
  const ended = once(child, 'exit')
  const journal = join(sandbox.state, 'journal.json')
  while (!existsSync(journal) && child.exitCode === null) await sleep(1)
  await Promise.race([sleep(delay), ended])
  child.kill('SIGKILL')
  await ended
  return existsSync(journal)
}

/** Whatever a killed run could leave behind in the home. */
function leftovers(sandbox: Sandbox): string[] {
  return readdirSync(sandbox.home, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.gitops-|\/journal\.json$|\.damaged/.test(path),
  )
}

test(
  'a rollback over several generations that is killed at any moment is finished by the next run: never a state between the two',
  { timeout: 120_000 * TIMES },
  async ({ sandbox }) => {
    sandbox.write(claude(sandbox), { 'd1/1': 'before us', own: 'an application' })
    sandbox.config()
    const trees = [sandbox.tree(claude(sandbox))]
    for (const text of ['one', 'two', 'three']) {
      sandbox.commit({ ...numbered(text), [`.claude/only/${text}`]: text })
      expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
      trees.push(sandbox.tree(claude(sandbox)))
    }
    const snapshot = join(sandbox.root, 'snapshot')
    cpSync(sandbox.home, snapshot, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    const chance = random('kill a rollback over generations')
    let inside = 0
    for (let round = 0; round < 4 * TIMES; round++) {
      const original = round % 2 === 1
      const half = await killed(sandbox, chance() * 60, 'rollback', ...(original ? ['--to', 'original'] : ['1']))
      if (half) inside++
      const next = await sandbox.gitops(['reconcile'])
      const said = `round ${round}: ${next.said}`
      // Once begun it is finished; that to the original is undone, unless it was done but for its bookkeeping.
      const ends = original ? [trees[0], trees[3]] : half ? [trees[1]] : [trees[1], trees[3]]
      expect(ends, said).toContainEqual(sandbox.tree(claude(sandbox)))
      expect(next.said, said).not.toContain('left alone')
      expect(leftovers(sandbox), said).toEqual([])
      rmSync(sandbox.home, { recursive: true })
      cpSync(snapshot, sandbox.home, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    }
    expect(inside).toBeGreaterThan(0)
  },
)
