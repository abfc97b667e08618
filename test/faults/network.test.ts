import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createPlainServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { ROUNDS, tally } from '../support/fault-counts.ts'
import { DEFAULT_CONFIG, test, type Ran, type Sandbox } from '../support/sandbox.ts'

const counts = tally('network')
afterAll(() => counts.tell())

type Fault = (response: ServerResponse, bytes: Buffer) => unknown

/** What a remote does to a request, instead of answering it. */
const FAULTS: Readonly<Record<string, Fault>> = {
  hangs: () => {},
  'hangs half-way': (response, bytes) => {
    response.writeHead(200, { 'content-length': bytes.length + 1 })
    response.write(bytes.subarray(0, bytes.length / 2))
  },
  'closes at once': (response) => void response.destroy(),
  'closes half-way': (response, bytes) => {
    response.writeHead(200, { 'content-length': bytes.length + 1 })
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy())
  },
  'sends garbage': (response, bytes) => void response.end(Buffer.from(bytes.map((byte) => byte ^ 0x5a))),
  'sends nothing': (response) => void response.end(),
  'sends too much': (response, bytes) => void response.end(Buffer.concat([bytes, Buffer.alloc(1 << 20, 'x')])),
  'is out of order': (response) => void response.writeHead(503).end('busy'),
  'leads in a circle': (response) => void response.writeHead(302, { location: '/x.git/info/refs?again' }).end(),
  'says that all is gone': (response) => void response.writeHead(410).end(),
  'asks who we are': (response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
}

/** A remote over HTTP, `fault` strikes once `after` requests were answered. */
async function served<T>(sandbox: Sandbox, work: (remote: { url: string; fault: Fault | null; after: number }) => Promise<T>): Promise<T> {
  const remote = { url: '', fault: null as Fault | null, after: 0 }
  const server = createServer((request, response) => {
    const file = join(sandbox.remote, new URL(request.url ?? '', 'http://x').pathname.replace('/x.git/', ''))
    const bytes = existsSync(file) ? readFileSync(file) : null
    if (remote.fault !== null && remote.after-- <= 0) remote.fault(response, bytes ?? Buffer.from('nothing of the kind'))
    else if (bytes === null) response.writeHead(404).end()
    else {
      // Git goes on where an earlier download was cut off.
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      response
        .writeHead(from > 0 ? 206 : 200, from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {})
        .end(bytes.subarray(from))
    }
  }).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    remote.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`
    return await work(remote)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const configure = (sandbox: Sandbox, url: string, timeout = '1500ms'): void =>
  sandbox.config(`{
    name: 'story',
    sources: { team: { repo: ${JSON.stringify(url)}, ref: 'main', timeout: '${timeout}' } },
    targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
  }`)

function push(sandbox: Sandbox, text: string): Record<string, string> {
  sandbox.commit({ '.claude/a.md': text, [`.claude/${text}.md`]: text })
  sandbox.git(sandbox.remote, 'update-server-info')
  return Object.fromEntries(
    readdirSync(join(sandbox.work, '.claude')).map((name) => [name, `644 ${readFileSync(join(sandbox.work, '.claude', name), 'utf8')}`]),
  )
}

const live = (sandbox: Sandbox): Record<string, string> => sandbox.tree(join(sandbox.home, '.claude'))

function expectWell(sandbox: Sandbox, ran: Ran, tree: Record<string, string>, codes: readonly number[], what: string): void {
  expect([what, codes.includes(ran.code), ran.said]).toEqual([what, true, ran.said])
  expect(ran.said).not.toMatch(/this is a bug|\n\s+at /)
  expect(live(sandbox), `${what}: ${ran.said}`).toEqual(tree)
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
}

test(
  'whatever a remote does to a fetch, at its beginning or later, the old stays, drift is healed, and the new arrives when the remote is well',
  { timeout: 300_000 },
  async ({ sandbox }) => {
    await served(sandbox, async (remote) => {
      configure(sandbox, remote.url)
      let wanted = push(sandbox, 'start')
      expectWell(sandbox, await sandbox.gitops(['reconcile']), wanted, [0], 'start')
      for (const [index, [name, fault]] of Object.entries(FAULTS).entries()) {
        const next = push(sandbox, `new${index}`)
        // Another one each time: what is put back again and again rests after a while.
        sandbox.write(sandbox.home, { [`.claude/${index === 0 ? 'start' : `new${index - 1}`}.md`]: `drift ${index}` })
        for (const after of ROUNDS > 1 ? [0, 1, 2, 3, 5] : [(index % 3) + (index % 2)]) {
          Object.assign(remote, { fault, after })
          const began = Date.now()
          const ran = await sandbox.gitops(['reconcile'])
          // A remote may do harm to what is not asked for.
          const done = ran.code === 0
          expectWell(sandbox, ran, done ? next : wanted, done && after > 0 ? [0] : [1], `${name} after ${after}`)
          expect(Date.now() - began, name).toBeLessThan(15_000)
          counts.ended(done ? 'new' : 'old')
        }
        Object.assign(remote, { fault: null })
        expectWell(sandbox, await sandbox.gitops(['reconcile']), next, [0], `${name}, well again`)
        counts.ended('new')
        wanted = next
      }
    })
  },
)

test('a slow remote is waited for as long as it has time', async ({ sandbox }) => {
  await served(sandbox, async (remote) => {
    configure(sandbox, remote.url, '60s')
    const wanted = push(sandbox, 'slow')
    remote.fault = async (response, bytes) => {
      if (bytes.toString().startsWith('nothing of')) response.writeHead(404)
      else
        for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 4)) {
          response.write(bytes.subarray(at, at + Math.ceil(bytes.length / 4)))
          await sleep(30)
        }
      response.end()
    }
    expectWell(sandbox, await sandbox.gitops(['reconcile']), wanted, [0], 'slow')
    counts.ended('new')
  })
})

test('what a killed run left is undone before the remote is asked for anything', async ({ sandbox }) => {
  await served(sandbox, async (remote) => {
    configure(sandbox, remote.url)
    const wanted = push(sandbox, 'start')
    expectWell(sandbox, await sandbox.gitops(['reconcile']), wanted, [0], 'start')
    push(sandbox, 'new')
    sandbox.config(DEFAULT_CONFIG(remote.url, `checks: { smoke: [{ name: 'dies', run: 'kill -9 $PPID' }] },`))
    expect((await sandbox.gitops(['reconcile'])).code).toBe(128)
    expect(sandbox.live('.claude/a.md')).toBe('new')
    configure(sandbox, remote.url)
    let meanwhile: Record<string, string> | null = null
    remote.fault = (response) => {
      meanwhile ??= live(sandbox)
      response.destroy()
    }
    expectWell(sandbox, await sandbox.gitops(['reconcile']), wanted, [1], 'recovered')
    expect(meanwhile).toEqual(wanted)
    counts.ended('old')
  })
})

test('a port on which somebody else answers, or nobody, is an unreachable source', async ({ sandbox }) => {
  configure(sandbox, sandbox.remote)
  const wanted = push(sandbox, 'start')
  await sandbox.gitops(['reconcile'])
  const server = createPlainServer((socket) => socket.on('error', () => {}).end('SSH-2.0-other\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (const url of [
    `git://127.0.0.1:${port}/x`,
    `http://127.0.0.1:${port}/x`,
    `ssh://127.0.0.1:${port}/x`,
    'git://127.0.0.1:1/x',
    'https://127.0.0.1:1/x',
  ]) {
    configure(sandbox, url)
    const ran = await sandbox.gitops(['reconcile'])
    expectWell(sandbox, ran, wanted, [1], url)
    expect(ran.said).toContain('could not be fetched')
    counts.ended('old')
  }
  server.close()
})

test(
  'a git daemon that is killed in the middle and returns, with its branch rewritten, brings exactly what it has by then',
  { timeout: 120_000 },
  async ({ sandbox, skip }) => {
    const free = createPlainServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    free.close()
    const daemon = async (): Promise<() => Promise<unknown>> => {
      const args = ['daemon', '--export-all', '--reuseaddr', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${sandbox.root}`]
      const child = spawn('git', args, { env: sandbox.env, stdio: 'ignore', detached: true })
      await sleep(300)
      if (child.exitCode !== null) skip('this Git has no daemon')
      return () => {
        const ended = once(child, 'exit')
        process.kill(-(child.pid ?? 0), 'SIGKILL')
        return ended
      }
    }
    configure(sandbox, `git://127.0.0.1:${port}/remote.git`, '10s')
    let wanted = push(sandbox, 'start')
    let stop = await daemon()
    try {
      expectWell(sandbox, await sandbox.gitops(['reconcile']), wanted, [0], 'start')
      for (const text of ['one', 'two', 'three']) {
        // The branch is another one now, with nothing in common.
        sandbox.git(sandbox.work, 'checkout', '--quiet', '--orphan', text)
        sandbox.git(sandbox.work, 'branch', '-M', 'main')
        const next = push(sandbox, text)
        await stop()
        expectWell(sandbox, await sandbox.gitops(['reconcile']), wanted, [1], `${text}, gone`)
        counts.ended('old')
        stop = await daemon()
        expectWell(sandbox, await sandbox.gitops(['reconcile']), next, [0], `${text}, back`)
        counts.ended('new')
        wanted = next
      }
    } finally {
      await stop()
    }
  },
)
