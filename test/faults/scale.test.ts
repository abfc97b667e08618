import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { random } from '../support/random.ts'
import { test as base, type Files } from '../support/sandbox.ts'

const COUNT = 10_000
const pathOf = (index: number): string => `.claude/d${index % 97}/e${index % 11}/${index}.md`

/** A home in memory where the system offers that, so that the time is ours and not that of 10,000 waits for a shared disk. */
const test = base.extend<{ home: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  home: async ({}, use) => {
    const home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gitops-test-'))
    try {
      await use(home)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  },
})

/** Every file below the target, by path and digest. */
function live(home: string): Map<string, string> {
  const root = join(home, '.claude')
  const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory())
  return new Map(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(root.length + 1), digestOf(readFileSync(path))]
    }),
  )
}

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('ten thousand files of random sizes are synced, verified, and then in sync', { timeout: 300_000 }, async ({ sandbox, home }) => {
  const chance = random('ten thousand files')
  const noise = Buffer.from(Array.from({ length: 64 << 10 }, () => chance() * 256))
  const content = (): Buffer => {
    const start = Math.floor(chance() * (48 << 10))
    return Buffer.concat([Buffer.from(`${chance()}\n`), noise.subarray(start, start + Math.floor(chance() * (16 << 10)))])
  }
  const wanted = new Map<string, string>()
  const files: Record<string, Buffer> = {}
  for (let index = 0; index < COUNT; index++) {
    const bytes = index % 100 === 0 ? Buffer.alloc(0) : content()
    files[pathOf(index)] = bytes
    wanted.set(pathOf(index).slice(8), digestOf(bytes))
  }
  sandbox.git(sandbox.work, 'config', 'core.looseCompression', '0')
  sandbox.commit(files)
  sandbox.config()
  const timed = async (what: string, ...args: string[]): Promise<string> => {
    const began = performance.now()
    const ran = await sandbox.gitops(args, { env: { HOME: home } })
    console.log(`${what}: ${Math.round(performance.now() - began)} ms`)
    expect(ran.code, ran.said).toBe(0)
    return ran.said
  }

  expect(await timed('first sync', 'reconcile')).toContain(`${COUNT} created`)
  expect(live(home)).toEqual(wanted)
  expect(await timed('the run after it', 'reconcile')).toContain('In sync: team')
  expect(await timed('a run with nothing to do', 'reconcile')).toContain('In sync: team')
  const began = performance.now()
  execFileSync('git', ['clone', '--quiet', sandbox.remote, join(sandbox.root, 'clone')], { env: sandbox.env })
  console.log(`git clone with a checkout: ${Math.round(performance.now() - began)} ms`)

  sandbox.write(home, { [pathOf(7777)]: 'edited' })
  expect(await timed('one edited file', 'reconcile')).toContain(`${pathOf(7777)}: edited since it was applied`)
  expect(live(home)).toEqual(wanted)

  const next: Record<string, Buffer | null> = {}
  for (let index = 0; index < 500; index++) {
    next[pathOf(index * 13)] = content()
    wanted.set(pathOf(index * 13).slice(8), digestOf(next[pathOf(index * 13)] as Buffer))
  }
  for (let index = 0; index < 300; index++) {
    next[pathOf(9_999 - index * 3)] = null
    wanted.delete(pathOf(9_999 - index * 3).slice(8))
  }
  sandbox.commit(next as Files)
  const changed = await timed('500 changed, 300 deleted', 'reconcile')
  expect(changed).toMatch(/\d+ updated, 300 deleted/)
  expect(live(home)).toEqual(wanted)
  expect(existsSync(join(home, '.local/state/gitops/story/journal.json'))).toBe(false)
  expect(await timed('in sync again', 'reconcile')).toContain('In sync: team')
})
