import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'

type Alert = Record<string, unknown>

/** A notifier that appends each event to `~/alerts`. */
const TO_FILE = `{ name: 'file', run: 'cat >> ~/alerts' }`
const SMOKE = `checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/a.md' }] },`
const STRICT = `checks: { validate: [{ name: 'strict', run: '! grep -q bad "$GITOPS_STAGE/claude/a.md"' }] },`

function configure(sandbox: Sandbox, notify: string, more = SMOKE): void {
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `import { defineConfig, defineNotifier, webhook } from 'gitops'

export default defineConfig({
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
  ${more}
  notify: [${notify}],
})
`,
  })
}

function alerts(sandbox: Sandbox, file = 'alerts'): Alert[] {
  const path = join(sandbox.home, file)
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Alert)
}
const events = (sandbox: Sandbox, file?: string): unknown[] => alerts(sandbox, file).map((alert) => alert['event'])

/** The lines of the trail about notifiers. */
async function failures(sandbox: Sandbox): Promise<Record<string, unknown>[]> {
  const ran = await sandbox.gitops(['audit', '--type', 'notify-failed', '--json'])
  expect(ran.code, ran.said).toBe(0)
  return ran.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

async function reconcile(sandbox: Sandbox, code: number): Promise<void> {
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(code)
}

/** A first revision that is live. */
async function begun(sandbox: Sandbox, notify = TO_FILE, more = SMOKE): Promise<void> {
  configure(sandbox, notify, more)
  sandbox.commit({ '.claude/a.md': 'good\n' })
  await reconcile(sandbox, 0)
}

/** A local server that remembers what was posted to it. */
async function listening(answer: (path: string) => number | null): Promise<{
  readonly url: string
  readonly got: { path: string; type: string; key: string; body: Alert }[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}> {
  const got: { path: string; type: string; key: string; body: Alert }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const { url = '', headers } = request
      got.push({ path: url, type: headers['content-type'] ?? '', key: String(headers['x-key'] ?? ''), body: JSON.parse(text) as Alert })
      const status = answer(url)
      if (status !== null) response.writeHead(status, { location: '/elsewhere' }).end()
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

test('a rollback and the recovery from it are told to a command, each as one line of JSON on its standard input', async ({ sandbox }) => {
  await begun(sandbox)
  expect(alerts(sandbox)).toEqual([])
  const bad = sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 6)
  const told = {
    kind: 'alert',
    event: 'rolled-back',
    name: 'story',
    host: expect.stringMatching(/./) as string,
    source: 'team',
    revision: bad,
    reason: 'SmokeFailed',
    message: expect.stringContaining('check "good" failed') as string,
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
  }
  expect(alerts(sandbox)).toEqual([told])

  const mended = sandbox.commit({ '.claude/a.md': 'good again\n' })
  await reconcile(sandbox, 0)
  expect(alerts(sandbox)).toEqual([
    told,
    { ...told, event: 'recovered', revision: mended, reason: 'Applied', message: expect.any(String) as string },
  ])
  await reconcile(sandbox, 0)
  expect(alerts(sandbox)).toHaveLength(2)
})

test('a held revision that is refused ten times is told once, and so is a revision that does not pass its checks', async ({ sandbox }) => {
  await begun(sandbox)
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 6)
  // It is tried again a few times, later; by then it is refused.
  for (let round = 0; round < 10; round += 1) expect((await sandbox.gitops(['reconcile'])).code).not.toBe(0)
  expect(events(sandbox)).toEqual(['rolled-back'])

  sandbox.commit({ '.claude/a.md': 'bad in another way\n' })
  await reconcile(sandbox, 6)
  expect(events(sandbox)).toEqual(['rolled-back', 'rolled-back'])

  configure(sandbox, TO_FILE, STRICT)
  for (let round = 0; round < 3; round += 1) await reconcile(sandbox, 5)
  expect(events(sandbox)).toEqual(['rolled-back', 'rolled-back', 'refused'])
  expect(alerts(sandbox).at(-1)).toMatchObject({ reason: 'ValidationFailed', message: expect.stringContaining('strict') as string })
})

test('a source that cannot be reached is neither a new alert nor a recovery', async ({ sandbox }) => {
  await begun(sandbox, TO_FILE, STRICT)
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 5)
  sandbox.git(sandbox.remote, 'symbolic-ref', 'HEAD', 'refs/heads/other')
  sandbox.git(sandbox.remote, 'branch', '-m', 'main', 'away')
  await reconcile(sandbox, 1)
  sandbox.git(sandbox.remote, 'branch', '-m', 'away', 'main')
  await reconcile(sandbox, 5)
  expect(events(sandbox)).toEqual(['refused'])
  sandbox.commit({ '.claude/a.md': 'good\n' })
  await reconcile(sandbox, 0)
  expect(events(sandbox)).toEqual(['refused', 'recovered'])
})

test('what could not be taken back is told as stuck', async ({ sandbox }) => {
  const undo = `tasks: { before: [{ name: 'pause', run: 'true', undo: 'exit 1' }] },`
  await begun(sandbox, TO_FILE, `${SMOKE} ${undo}`)
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 4)
  expect(events(sandbox)).toEqual(['stuck'])
})

test('`on` chooses what a notifier hears of, and the others hear the rest', async ({ sandbox }) => {
  await begun(
    sandbox,
    `{ run: 'cat >> ~/back', on: ['rolled-back'] }, { run: 'cat >> ~/well', on: ['recovered', 'stuck'] }, { run: 'cat >> ~/none', on: [] }, ${TO_FILE}`,
  )
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 6)
  sandbox.commit({ '.claude/a.md': 'good\n' })
  await reconcile(sandbox, 0)
  expect(events(sandbox, 'back')).toEqual(['rolled-back'])
  expect(events(sandbox, 'well')).toEqual(['recovered'])
  expect(events(sandbox, 'none')).toEqual([])
  expect(events(sandbox)).toEqual(['rolled-back', 'recovered'])
})

test('a webhook gets the event as JSON with its own headers; an answer other than 2xx, a redirect included, is a failure', async ({
  sandbox,
}) => {
  await using server = await listening((path) => (path === '/good' ? 204 : path === '/moved' ? 302 : 500))
  const hook = (path: string): string => `webhook({ url: '${server.url}${path}', headers: { 'x-key': 'k' } })`
  await begun(sandbox, `${hook('/good')}, ${hook('/broken')}, ${hook('/moved')}`)
  const bad = sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 6)

  expect(server.got.map(({ path }) => path)).toEqual(['/good', '/broken', '/moved'])
  for (const { type, key, body } of server.got) {
    expect([type, key]).toEqual(['application/json', 'k'])
    expect(body).toMatchObject({ kind: 'alert', event: 'rolled-back', source: 'team', revision: bad })
  }
  const messages = (await failures(sandbox)).map((line) => line['message'])
  expect(messages).toHaveLength(2)
  expect(messages[0]).toBe(`webhook ${new URL(server.url).host}: it failed: it answered 500`)
  expect(messages[1]).toMatch(/^webhook [^ ]+: it failed: .*redirect/)
})

test('a function is a notifier too, and is handed the event and a signal', async ({ sandbox }) => {
  await begun(
    sandbox,
    `defineNotifier({ name: 'mine', on: ['rolled-back'], send: async (event, { signal }) => {
      const { writeFile } = await import('node:fs/promises')
      await writeFile(process.env.HOME + '/alerts', JSON.stringify({ ...event, aborted: signal.aborted }))
    } })`,
  )
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 6)
  expect(alerts(sandbox)).toMatchObject([{ kind: 'alert', event: 'rolled-back', aborted: false }])
})

test('notifiers that fail, throw or hang are lines of the audit trail, and change neither the outcome nor the exit code', async ({
  sandbox,
}) => {
  await using server = await listening(() => null)
  await begun(
    sandbox,
    `{ name: 'fails', run: 'echo no network >&2; exit 7' },
     { name: 'missing', run: 'no-such-command-at-all' },
     { name: 'hangs', run: 'sleep 60', timeout: '300ms' },
     { name: 'deaf', send: () => new Promise(() => { setInterval(() => {}, 1000) }), timeout: '300ms' },
     { name: 'throws', send: () => { throw new Error('thrown') } },
     { ...webhook({ url: '${server.url}/silent' }), timeout: '300ms' },
     webhook({ url: 'http://127.0.0.1:65533/' }),
     ${TO_FILE}`,
  )
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  const started = Date.now()
  const ran = await sandbox.gitops(['reconcile', '--json'])
  expect(Date.now() - started).toBeLessThan(30_000)
  expect(ran.code, ran.said).toBe(6)
  expect(JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ outcome: 'rolled-back', exitCode: 6 })
  // The last one was told all the same.
  expect(events(sandbox)).toEqual(['rolled-back'])
  expect(sandbox.live('.claude/a.md')).toBe('good\n')

  const messages = (await failures(sandbox)).map((line) => String(line['message']))
  expect(messages.map((message) => message.split(':')[0])).toEqual([
    'fails',
    'missing',
    'hangs',
    'deaf',
    'throws',
    expect.stringMatching(/^webhook 127\.0\.0\.1/) as string,
    'webhook 127.0.0.1',
  ])
  expect(messages[6]).toBe('webhook 127.0.0.1:65533: it failed: connect ECONNREFUSED 127.0.0.1:65533')
  expect(messages[0]).toContain('no network')
  expect(messages[2]).toContain('did not end within')
  expect(messages[4]).toContain('thrown')

  // The failures are told once as well.
  await sandbox.gitops(['reconcile'])
  expect(await failures(sandbox)).toHaveLength(7)
})

test('a recovery that changes nothing has its line in the audit trail, once', async ({ sandbox }) => {
  await begun(sandbox, TO_FILE, STRICT)
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  await reconcile(sandbox, 5)
  sandbox.commit({ '.claude/a.md': 'good\n' })
  for (let round = 0; round < 2; round += 1) await reconcile(sandbox, 0)
  expect(events(sandbox)).toEqual(['refused', 'recovered'])
  const { stdout } = await sandbox.gitops(['audit', '--json'])
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Alert)
  expect(lines.map((line) => line['change_type'])).toEqual(['applied', 'refused', 'recovered'])
  expect(lines[2]).toMatchObject({ outcome: 'in-sync', files: '' })
})

test('a refusal by a check ends with what the check printed, and what that means stands below it', async ({ sandbox }) => {
  await begun(
    sandbox,
    TO_FILE,
    `checks: { validate: [{ name: 'strict', run: 'echo so it is; ! grep -q bad "$GITOPS_STAGE/claude/a.md"' }] },`,
  )
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  expect((await sandbox.gitops(['reconcile'])).said).toMatch(/so it is\nNothing was written\.\n$/)
})

test('a dry run, `diff` and `status` tell nobody', async ({ sandbox }) => {
  await begun(sandbox, TO_FILE, STRICT)
  sandbox.commit({ '.claude/a.md': 'bad\n' })
  for (const args of [['reconcile', '--dry-run'], ['diff'], ['status', '--fetch']]) await sandbox.gitops(args)
  expect(alerts(sandbox)).toEqual([])
})
