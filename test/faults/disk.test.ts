import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test as base, type Sandbox } from '../support/sandbox.ts'

type Mount = (place: string, options?: string) => void

const command = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Why this machine cannot make file systems for these tests, or null. */
function unable(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can mount the small file systems that this needs'
  try {
    mkdirSync('/tmp/gitops-test-mount', { recursive: true })
    command('mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', '/tmp/gitops-test-mount')
    command('umount', '/tmp/gitops-test-mount')
    return null
  } catch {
    return 'this machine lets nobody mount a file system'
  }
}

const reason = unable()

/** A test whose mounts go with it. */
const test = base.extend<{ mount: Mount }>({
  mount: async ({ sandbox, skip }, use) => {
    skip(reason !== null, reason ?? '')
    const places: string[] = []
    try {
      await use((place, options = 'size=1m') => {
        mkdirSync(place, { recursive: true })
        command('mount', '-t', 'tmpfs', '-o', options, 'none', place)
        places.push(place)
      })
    } finally {
      for (const place of places.toReversed()) command('umount', '-l', place)
      expect(sandbox.root).not.toBe('')
    }
  },
})

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')

/** An old revision and a file of somebody else are live. */
async function begun(sandbox: Sandbox): Promise<Record<string, string>> {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'old a\n', '.claude/old/b.md': 'old b\n', '.claude/c.md': 'old c\n' })
  sandbox.write(sandbox.home, { '.claude/history.jsonl': 'typed\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  return sandbox.tree(claude(sandbox))
}

const commitNew = (sandbox: Sandbox, size: number): string =>
  sandbox.commit({
    '.claude/old': null as never,
    '.claude/a.md': 'new a\n',
    '.claude/c.md': 'new c\n',
    ...Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`.claude/new/${index}.md`, `${index}`.repeat(size)])),
  })

const closed = (sandbox: Sandbox): boolean =>
  !existsSync(join(sandbox.state, 'journal.json')) && readdirSync(join(sandbox.state, 'lock')).length === 0

test('a target that fills up ends with exit 1 and exactly the old tree', async ({ sandbox, mount }) => {
  mount(claude(sandbox))
  const before = await begun(sandbox)
  commitNew(sandbox, 200_000)

  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(1)
  expect(ran.said).toMatch(/Failed: team .*ENOSPC.*What was there before is back/s)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  expect(closed(sandbox)).toBe(true)

  commitNew(sandbox, 1000)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
})

test('a target that runs out of room for names ends with exit 1 and exactly the old tree', async ({ sandbox, mount }) => {
  mount(claude(sandbox), 'size=8m,nr_inodes=20')
  const before = await begun(sandbox)
  sandbox.commit(Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`.claude/new/${index}/x.md`, 'x\n'])))

  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(1)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  expect(closed(sandbox)).toBe(true)
})

test('a read-only target ends with exit 1 and nothing changed, and is written once it is writable', async ({ sandbox, mount }) => {
  mount(claude(sandbox))
  const before = await begun(sandbox)
  commitNew(sandbox, 100)
  command('mount', '-o', 'remount,ro', claude(sandbox))

  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(1)
  expect(ran.said).toContain('EROFS')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  expect(closed(sandbox)).toBe(true)

  command('mount', '-o', 'remount,rw', claude(sandbox))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/a.md')).toBe('new a\n')
})

test('a state directory that is full, or read-only, ends with exit 1 and one sentence, and nothing changed', async ({ sandbox, mount }) => {
  mount(sandbox.state, 'size=2m')
  const before = await begun(sandbox)
  commitNew(sandbox, 100)
  const filler = join(sandbox.state, 'filler')
  expect(() => writeFileSync(filler, Buffer.alloc(4 << 20))).toThrow('ENOSPC')

  const full = await sandbox.gitops(['reconcile'])
  expect(full.code, full.said).toBe(1)
  expect(full.said).not.toContain('this is a bug')
  expect(full.said).toMatch(/ENOSPC|No space left/)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)

  command('mount', '-o', 'remount,ro', sandbox.state)
  const readOnly = await sandbox.gitops(['reconcile', '--json'])
  expect(readOnly.code, readOnly.said).toBe(1)
  expect(readOnly.said).not.toContain('this is a bug')
  expect(JSON.parse(readOnly.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ kind: 'verdict', outcome: 'failed', exitCode: 1 })
  expect(sandbox.tree(claude(sandbox))).toEqual(before)

  command('mount', '-o', 'remount,rw', sandbox.state)
  command('rm', filler)
  const mended = await sandbox.gitops(['reconcile'])
  expect(mended.code, mended.said).toBe(0)
  expect(sandbox.live('.claude/a.md')).toBe('new a\n')
})

test('a state directory that fills up while files are written takes them back', async ({ sandbox, mount }) => {
  mount(sandbox.state, 'size=2m')
  const before = await begun(sandbox)
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `checks: { smoke: [{ name: 'fills the state', run: ${JSON.stringify(`cat /dev/zero > ${sandbox.state}/filler || true`)} }] },`,
    ),
  )
  commitNew(sandbox, 100)
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(1)
  expect(ran.said).toContain('inventory.json cannot be written')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  expect(closed(sandbox)).toBe(true)
})

test('a rollback that cannot be done is stuck, and a later reconcile finishes it', async ({ sandbox, mount }) => {
  mount(claude(sandbox))
  const before = await begun(sandbox)
  const check = `if grep -q new ~/.claude/a.md; then mount -o remount,ro ${claude(sandbox)}; exit 1; fi`
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'breaks the disk', run: ${JSON.stringify(check)} }] },`))
  commitNew(sandbox, 100)

  const stuck = await sandbox.gitops(['reconcile'])
  expect(stuck.code, stuck.said).toBe(4)
  expect(stuck.said).toContain('Then the rollback failed')
  expect(stuck.said).toContain('EROFS')
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(true)

  // As long as the disk is like that, each run says so and does nothing else.
  const still = await sandbox.gitops(['reconcile'])
  expect(still.code, still.said).toBe(4)
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(4)

  command('mount', '-o', 'remount,rw', claude(sandbox))
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'refuses', run: '! grep -q new ~/.claude/a.md' }] },`))
  const finished = await sandbox.gitops(['reconcile'])
  expect(finished.said).toContain('is undone')
  expect(finished.code, finished.said).toBe(6)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  expect(closed(sandbox)).toBe(true)
})

test('a source that is stuck is undone later, although another source went live meanwhile', async ({ sandbox, mount }) => {
  const config = (more: string): void =>
    sandbox.config(`{
      name: 'story',
      sources: { one: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }, two: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
      targets: { a: { source: 'one', from: 'a', to: '~/a' }, b: { source: 'two', from: 'b', to: '~/b' } },
      ${more}
    }`)
  mount(join(sandbox.home, 'a'))
  config('')
  sandbox.commit({ 'a/x.md': 'old\n', 'b/x.md': 'old\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  config(`checks: { smoke: [{ name: 'breaks', source: 'one', run: 'mount -o remount,ro ${sandbox.home}/a; exit 1' }] },`)
  sandbox.commit({ 'a/x.md': 'new\n', 'b/x.md': 'new\n' })

  const stuck = await sandbox.gitops(['reconcile'])
  expect(stuck.code, stuck.said).toBe(4)
  expect([sandbox.live('a/x.md'), sandbox.live('b/x.md')]).toEqual(['new\n', 'new\n'])

  command('mount', '-o', 'remount,rw', join(sandbox.home, 'a'))
  config(`checks: { smoke: [{ name: 'refuses', source: 'one', run: '! grep -q new ~/a/x.md' }] },`)
  const next = await sandbox.gitops(['reconcile'])
  expect(next.code, next.said).toBe(6)
  expect([sandbox.live('a/x.md'), sandbox.live('b/x.md')]).toEqual(['old\n', 'new\n'])
  expect(closed(sandbox)).toBe(true)
})

test('a name as long as names can be is taken back like any other', async ({ sandbox }) => {
  const long = `${'n'.repeat(252)}.md`
  sandbox.config()
  sandbox.commit({ [`.claude/${long}`]: 'old\n' })
  await sandbox.gitops(['reconcile'])
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'refuses', run: '! grep -q new ~/.claude/*' }] },`))
  sandbox.commit({ [`.claude/${long}`]: 'new\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(6)
  expect(sandbox.tree(claude(sandbox))).toEqual({ [long]: '644 old\n' })
})

test('a private directory that made room for a file is private again after a rollback', async ({ sandbox }) => {
  sandbox.write(claude(sandbox), {})
  mkdirSync(join(claude(sandbox), 'hooks'), { recursive: true, mode: 0o700 })
  sandbox.config()
  sandbox.commit({ '.claude/hooks/x.sh': 'x\n' })
  await sandbox.gitops(['reconcile'])
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'refuses', run: '! test -f ~/.claude/hooks' }] },`))
  sandbox.commit({ '.claude/hooks': null as never })
  sandbox.commit({ '.claude/hooks': 'a file\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(6)
  expect(command('stat', '-c', '%a', join(claude(sandbox), 'hooks')).trim()).toBe('700')
  expect(sandbox.live('.claude/hooks/x.sh')).toBe('x\n')
})
