import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { reconcile, sops, type UserConfig } from '../../lib/index.ts'
import { test, type Sandbox } from '../support/sandbox.ts'

const READER = resolve(import.meta.dirname, '../fixtures/sops/reader.identity')
const RECIPIENT = /public key: (age1\w+)/.exec(readFileSync(READER, 'utf8'))?.[1] ?? ''

/** An application that keeps its state in a document as Claude Code does: under the lock of proper-lockfile, read, changed, written beside, renamed. */
const APPLICATION = `
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import lockfile from ${JSON.stringify(import.meta.resolve('proper-lockfile'))}
const [file, cycles] = process.argv.slice(2)
let told = false
process.stdin.on('end', () => (told = true)).resume()
// It goes on until it is told to stop, so that every reconcile meets it.
for (let cycle = 0; cycle < Number(cycles) || !told; cycle++) {
  const release = await lockfile.lock(file, { realpath: false, retries: { retries: 1000, minTimeout: 1, maxTimeout: 20 } })
  const state = JSON.parse(readFileSync(file, 'utf8'))
  if (cycle < Number(cycles)) state['app' + cycle] = cycle
  else state.spins = cycle
  // A copy, a check, a disk that is slow: whoever writes now without the lock is overwritten.
  await setTimeout(6)
  writeFileSync(file + '.tmp', JSON.stringify(state, null, 2))
  renameSync(file + '.tmp', file)
  await release()
  await setTimeout(2)
  if (cycle === 0) process.stdout.write('begun')
}
`

function application(sandbox: Sandbox, cycles: number): ChildProcess {
  sandbox.write(sandbox.root, { 'application.mjs': APPLICATION })
  return spawn(process.execPath, [join(sandbox.root, 'application.mjs'), join(sandbox.home, 'app.json'), String(cycles)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

/** Commits with one encrypted file each, oldest first. */
async function secrets(sandbox: Sandbox, documents: readonly object[]): Promise<string[]> {
  const stream: Buffer[] = []
  for (const document of documents) {
    const text = Buffer.from(await sops.encrypt(JSON.stringify(document), { format: 'json', recipients: [RECIPIENT] }))
    const head = `commit refs/heads/main\ncommitter Story <story@example.org> 1700000000 +0000\ndata 1\nx\nM 100644 inline app.enc\ndata ${text.length}\n`
    stream.push(Buffer.from(head), text, Buffer.from('\n'))
  }
  execFileSync('git', ['fast-import', '--quiet'], { cwd: sandbox.remote, env: sandbox.env, input: Buffer.concat(stream) })
  return sandbox.git(sandbox.remote, 'rev-list', '--reverse', 'main').split('\n')
}

const config = (sandbox: Sandbox, ref: string, lock: object = { lock: 'proper-lockfile' }): UserConfig => ({
  name: 'story',
  home: sandbox.home,
  sources: { team: { repo: sandbox.remote, ref } },
  secrets: { app: { from: 'app.enc', to: '~/app.json', strategy: 'merge', ...lock } },
  identities: [READER],
})

const read = (sandbox: Sandbox): Record<string, unknown> => JSON.parse(sandbox.live('app.json')) as Record<string, unknown>

test("600 writes of an application and 50 reconciles that change our keys in its document lose no key of either, under the application's own lock", async ({
  sandbox,
}) => {
  const commits = await secrets(
    sandbox,
    Array.from({ length: 50 }, (_, index) => ({ ours: index, [`ours${index}`]: index, deep: { [`key${index}`]: index } })),
  )
  expect(commits).toHaveLength(50)
  sandbox.write(sandbox.home, { 'app.json': '{"login":"me"}' })
  const app = application(sandbox, 600)
  try {
    const gone = once(app, 'exit')
    await once(app.stdout as NodeJS.ReadableStream, 'data')
    for (const [index, commit] of commits.entries()) {
      const verdict = await reconcile(config(sandbox, commit))
      expect(verdict.outcome, verdict.message).toBe('applied')
      expect(read(sandbox)['ours']).toBe(index)
    }
    app.stdin?.end()
    expect(await gone).toEqual([0, null])
  } finally {
    app.kill()
  }
  const { spins: _, ...last } = read(sandbox)
  const theirs = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`app${index}`, index]))
  expect(last).toEqual({ login: 'me', ...theirs, ours: 49, ours49: 49, deep: { key49: 49 } })
  expect(existsSync(join(sandbox.home, 'app.json.lock'))).toBe(false)
})

test('a lock whose owner was killed keeps nobody for longer than the protocol says, and one that is held is not broken', async ({
  sandbox,
}) => {
  const [first = '', second = ''] = await secrets(sandbox, [{ ours: 1 }, { ours: 2 }])
  const lock = join(sandbox.home, 'app.json.lock')
  sandbox.write(sandbox.home, { 'app.json': '{"login":"me"}' })
  mkdirSync(lock)
  const old = new Date(Date.now() - 11_000)
  utimesSync(lock, old, old)
  const began = performance.now()
  expect((await reconcile(config(sandbox, first))).outcome).toBe('applied')
  expect(performance.now() - began).toBeLessThan(3000)
  expect(existsSync(lock)).toBe(false)

  // Somebody refreshes it, as its owner would, and then gives it back.
  mkdirSync(lock)
  const made = statSync(lock).mtimeMs
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), 200)
  setTimeout(() => {
    clearInterval(beat)
    writeFileSync(join(sandbox.home, 'app.json'), JSON.stringify({ login: 'me', ours: 1, theirs: 'written under the lock' }))
    rmdirSync(lock)
  }, 1500)
  const waiting = performance.now()
  expect((await reconcile(config(sandbox, second))).outcome).toBe('applied')
  expect(performance.now() - waiting).toBeGreaterThan(1300)
  expect(made).toBeGreaterThan(0)
  expect(read(sandbox)).toEqual({ login: 'me', ours: 2, theirs: 'written under the lock' })
})

// It waits for as long as we do.
test.runIf(process.env['GITOPS_FAULT_ROUNDS'] !== undefined)(
  'a lock that is never given back leaves the document as it is, is no fault of the revision, and is said with its path',
  async ({ sandbox }) => {
    const [commit = ''] = await secrets(sandbox, [{ ours: 1 }])
    const lock = join(sandbox.home, 'app.json.lock')
    sandbox.write(sandbox.home, { 'app.json': '{"login":"me"}' })
    mkdirSync(lock)
    const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), 200)
    const verdict = await reconcile(config(sandbox, commit))
    clearInterval(beat)
    expect(verdict).toMatchObject({ outcome: 'failed', reason: 'Contested' })
    expect(verdict.message).toContain('app.json has been locked by another program')
    expect(sandbox.live('app.json')).toBe('{"login":"me"}')
    expect(existsSync(lock)).toBe(true)
    rmdirSync(lock)
    expect((await reconcile(config(sandbox, commit))).outcome).toBe('applied')
  },
)

test('a lock on a file that no application shares is refused where the config says it', async ({ sandbox }) => {
  const input = config(sandbox, 'main') as { secrets: Record<string, object> }
  input.secrets = { app: { ...input.secrets['app'], strategy: 'replace' } }
  const verdict = await reconcile(input as UserConfig)
  expect(verdict).toMatchObject({ exitCode: 2, reason: 'ConfigInvalid' })
  expect(verdict.message).toContain("secrets.app.lock: is for a document that an application writes too; say strategy: 'merge'")
})
