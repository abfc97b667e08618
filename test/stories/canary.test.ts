import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { CLI, DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

/** In every secret value of this story, and in nothing else. */
const CANARY = 'kAnArY'
const LIVE = ['home/.claude.json', 'home/.app/token', 'home/.app/list.yaml']

const account = (n: number): object => ({
  apiKey: `${CANARY}-key-${n}`,
  // Printed a line at a time, and cut off in the middle.
  pem: Array.from({ length: 40 }, (_, line) => `${CANARY}-pem-${n}-${line}`).join('\n'),
  long: `${CANARY}-${'0123456789'.repeat(300)}-${CANARY}`,
})

/** Prints the secrets as commands do that go wrong: whole, a value by itself, many lines of one, a very long one. */
const LEAK = `cat ~/.app/token ~/.app/list.yaml ~/.claude.json; sed 's/.*- //' ~/.app/list.yaml >&2; node -e "
  const all = JSON.parse(require('fs').readFileSync(process.env.HOME + '/.claude.json', 'utf8'))
  console.log(all.apiKey + '\\\\n' + all.pem)
  console.error(process.argv[1] === 'long' ? all.long : all.pem)
" `

/** Files of the whole sandbox that hold the canary and are not the live ones. */
function leaks(sandbox: Sandbox): string[] {
  const { stdout } = spawnSync('grep', ['-rlaF', CANARY, '.'], { cwd: sandbox.root, encoding: 'utf8' })
  return stdout
    .split('\n')
    .map((path) => path.replace('./', ''))
    .filter((path) => path !== '' && !LIVE.includes(path))
}

/** Command lines and environments of every process that runs for this sandbox right now. */
function processes(sandbox: Sandbox): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const all = ['cmdline', 'environ'].map((file) => readFileSync(join('/proc', pid, file), 'utf8')).join('\n')
        return all.includes(sandbox.root) ? [all] : []
      } catch {
        return []
      }
    })
}

test(
  'the value of a secret is in its live file and nowhere else, whatever happens and whoever prints it',
  { timeout: 180_000 },
  async ({ sandbox }) => {
    const me = await member()
    trust(sandbox, me)
    const told = join(sandbox.root, 'told')
    const revision = async (n: number, files = {}): Promise<string> =>
      sandbox.commit({
        '.claude/settings.json': JSON.stringify({ n }),
        's/account': await sops(me, account(n)),
        's/token': await sops(me, `${CANARY}-token-${n}\n`, { format: 'binary' }),
        's/list': await sops(me, `list:\n  - ${CANARY}-item-${n}\nmap: { quoted: "${CANARY}-quoted-${n}" }\n`, { format: 'yaml' }),
        ...files,
      })
    const config = (checks: string): void =>
      sandbox.config(
        DEFAULT_CONFIG(
          sandbox.remote,
          `secrets: {
          account: { from: 's/account', to: '~/.claude.json', strategy: 'merge' },
          token: { from: 's/token', to: '~/.app/token' },
          list: { from: 's/list', to: '~/.app/list.yaml' },
        },
        notify: [
          { run: 'cat >> ${told}' },
          { name: 'leaking', run: ${JSON.stringify(`${LEAK}; exit 3`)} },
          { name: 'leaking function', send: async () => { throw new Error((await import('node:fs')).readFileSync(${JSON.stringify(join(sandbox.home, '.app/token'))}, 'utf8')) } },
        ],
        ${checks}`,
        ),
      )
    const run = async (code: number | readonly number[], ...args: string[]): Promise<string> => {
      const ran = await sandbox.gitops(args)
      expect([code].flat(), `${args.join(' ')}: ${ran.said}`).toContain(ran.code)
      expect(ran.said, args.join(' ')).not.toContain(CANARY)
      expect(leaks(sandbox), args.join(' ')).toEqual([])
      return ran.said
    }
    const leaking = (kind: string, more = ''): string =>
      `checks: { ${kind}: [{ name: 'leaking', run: ${JSON.stringify(`test -e ~/quiet || { ${LEAK}${more}; exit 1; }`)} }] },`
    const looks = async (): Promise<void> => {
      await run([0, 1, 3, 5, 6], 'status')
      await run([0, 1, 3, 5, 6], 'status', '--json')
      await run([0, 1, 3, 5, 6], 'diff')
      await run([0, 1, 3, 5, 6], 'reconcile', '--dry-run')
      await run(0, 'audit')
      await run(0, 'audit', '--json')
    }

    config('')
    await revision(1)
    await run([0, 3], 'diff')
    await run(0, 'reconcile', '--json')
    for (const path of LIVE) expect(readFileSync(join(sandbox.root, path), 'utf8'), path).toContain(CANARY)

    // Drift of every kind.
    sandbox.write(sandbox.home, {
      '.app/token': `${CANARY}-edited by hand`,
      '.claude.json': JSON.stringify({ ...account(1), apiKey: `${CANARY}-edited` }),
    })
    await looks()
    await run(0, 'reconcile')

    // Checks that fail and print, before and after anything is written.
    config(leaking('validate'))
    await revision(2)
    expect(await run(5, 'reconcile')).toContain('[secret]')
    config(leaking('smoke', 'long'))
    await revision(3)
    // It fails on the restored state as well, so that the environment is to blame; the alert has failed, and printed, too.
    expect(await run([1, 6], 'reconcile')).toContain('[secret]')
    await run([1, 5, 6], 'retry')
    await run([1, 5, 6], 'reconcile', '--json')
    config(
      `checks: { smoke: [{ name: 'leaking', run: ${JSON.stringify(`test -e ~/quiet || ! grep -q '"n":3' ~/.claude/settings.json || { ${LEAK}; exit 1; }`)} }] },`,
    )
    expect(await run(6, 'reconcile')).toContain('[secret]')
    await looks()
    await run(5, 'reconcile')
    expect(readFileSync(told, 'utf8')).toContain('rolled-back')
    expect(readFileSync(join(sandbox.state, 'audit.log'), 'utf8')).toContain('notify-failed')

    // A task that throws what it has read.
    config(`tasks: { after: [{ name: 'leaking', run: async ({ $ }) => { await $\`cat ~/.claude.json >&2; exit 1\` } }] },`)
    await run([1, 6], 'reconcile')

    // Well again; killed in between; rolled back by hand. Meanwhile every process of ours is looked at.
    sandbox.write(sandbox.home, { quiet: '' })
    config(leaking('smoke', '').replace('test -e', 'sleep 0.3; test -e'))
    await revision(4)
    const seen = new Set<string>()
    for (const instant of [200, 400, 600, 800, 5000]) {
      const child = sandbox.start(['reconcile'])
      const ended = once(child, 'exit')
      const until = performance.now() + instant
      while (performance.now() < until && child.exitCode === null) {
        for (const found of processes(sandbox)) seen.add(found)
        await sleep(5)
      }
      child.kill('SIGKILL')
      await ended
      // The file beside the live one, private as it is, may be left by a kill; the next run takes it away.
      expect(leaks(sandbox).filter((path) => !/^home\/(?:\.app\/)?\.gitops-/.test(path))).toEqual([])
    }
    expect([...seen].some((text) => text.includes('sleep'))).toBe(true)
    expect([...seen].filter((text) => text.includes(CANARY))).toEqual([])
    // On a slow machine three of those kills may have hit the apply, which refuses the revision.
    await run([0, 5], 'reconcile')
    await run(0, 'retry')
    await run(0, 'rollback')
    await looks()
    await run(0, 'retry')
    await run(0, 'reconcile')

    // Out of the config: not even the live files are left.
    sandbox.config()
    await run(0, 'reconcile')
    expect(
      LIVE.filter((path) => existsSync(join(sandbox.root, path)) && readFileSync(join(sandbox.root, path), 'utf8').includes(CANARY)),
    ).toEqual([])
    rmSync(told)
    expect(execFileSync('git', ['-C', sandbox.work, 'grep', '-c', 'ENC.AES256', '--', 's/token'], { encoding: 'utf8' })).toContain(
      's/token',
    )
  },
)

test(
  'commands on encrypted files show a secret to nobody who has not asked for it: not in errors, arguments, environments or files',
  { timeout: 180_000 },
  async ({ sandbox }) => {
    const me = await member()
    trust(sandbox, me)
    const plain = `token: ${CANARY}-token\npem: |\n  ${CANARY}-1\n  ${CANARY}-2\nport: 80\n`
    // Waits, so that there is something to look at while it runs.
    const editor = join(sandbox.root, 'editor')
    sandbox.write(sandbox.root, {
      editor: { text: '#!/bin/sh\nsleep 0.3; sed -i "s/80/8080/" "$1"; test ! -e ~/broken || echo "broken: [" >> "$1"\n', mode: 0o755 },
    })
    sandbox.write(sandbox.site, {
      '.sops.yaml': `creation_rules:\n  - age: ${me.recipient}\n`,
      'flat.env': await sops(me, `A=${CANARY}\n`, { format: 'dotenv' }),
    })
    const secret = await sops(me, plain, { format: 'yaml' })
    sandbox.write(sandbox.site, {
      'a.yaml': secret,
      'mac.yaml': secret.replace(/^port: .*$/m, ''),
      'value.yaml': secret.replace(/(token: ENC\[AES256_GCM,data:)(.)/, (_, head: string, one: string) => head + (one === 'A' ? 'B' : 'A')),
    })
    const seen = new Set<string>()
    /** Runs a command and looks at every process of ours meanwhile, and at what it has left. */
    const run = async (codes: readonly number[], args: readonly string[], input = ''): Promise<string> => {
      const env = { ...sandbox.env, EDITOR: editor }
      const child = spawn(process.execPath, [CLI, ...args], { cwd: sandbox.site, env })
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
      child.stdin.end(input)
      const ended = once(child, 'close')
      while (child.exitCode === null) {
        for (const found of processes(sandbox)) seen.add(found)
        await sleep(5)
      }
      await ended
      expect(codes, `${args.join(' ')}: ${stderr}`).toContain(child.exitCode)
      expect(stderr, args.join(' ')).not.toContain(CANARY)
      expect(leaks(sandbox), args.join(' ')).toEqual([])
      return stdout
    }
    const silent = async (...given: Parameters<typeof run>): Promise<void> =>
      expect(await run(...given), given[1].join(' ')).not.toContain(CANARY)

    expect(await run([0], ['decrypt', 'a.yaml'])).toContain(`${CANARY}-token`)
    expect(await run([0], ['get', 'a.yaml', '/token'])).toBe(`${CANARY}-token`)
    expect(await run([0], ['git-diff', '--show-values', 'a.yaml'])).toContain(`${CANARY}-token`)
    await silent([0], ['set', 'a.yaml', '/token'], `${CANARY}-other`)
    await silent([0], ['set', '--json', 'a.yaml', '/new'], `{"k": ["${CANARY}"]}`)
    await silent([5], ['set', '--json', 'a.yaml', '/new'], `{"${CANARY}`)
    await silent([91], ['set', 'a.yaml', '/token/deep'], CANARY)
    await silent([0], ['unset', 'a.yaml', '/new'])
    await silent([0], ['rotate', '-i', 'a.yaml'])
    await silent([0], ['edit', 'a.yaml'])
    await silent([0], ['git-diff', 'a.yaml', 'flat.env', 'mac.yaml', 'value.yaml'])
    await silent([0], ['why', 'a.yaml'])
    await silent([0], ['filestatus', 'a.yaml'])
    await silent([0], ['encrypt', '-', '--filename-override', 'b.json', '-o', 'b.json'], `{"token": "${CANARY}"}`)
    await silent([1, 2, 5], ['encrypt', '-', '--filename-override', 'c.json', '-o', 'c.json'], `{"token": "${CANARY}", ${CANARY}`)
    await silent([1, 2, 5], ['encrypt', '-', '--filename-override', 'c.yaml', '-o', 'c.yaml'], `token: "${CANARY}\n  - ${CANARY}: [`)
    await silent([4], ['decrypt', '--output-type', 'ini', 'b.json'])
    await silent([51], ['decrypt', 'mac.yaml'])
    await silent([25], ['decrypt', 'value.yaml'])
    await silent([51, 25], ['rotate', '-i', 'mac.yaml', 'value.yaml'])
    sandbox.write(sandbox.home, { broken: '' })
    await silent([1], ['edit', 'a.yaml'])
    expect([...seen].some((text) => text.includes('editor'))).toBe(true)
    expect([...seen].filter((text) => text.includes(CANARY))).toEqual([])

    // The one command whose child has the values: in its environment, not in its arguments.
    await silent([0], ['exec-env', 'flat.env', 'sleep 0.3'])
    const commandLines = [...seen].map((text) => text.split('\n')[0] ?? '')
    expect(commandLines.some((text) => text.includes('sleep 0.3'))).toBe(true)
    expect(commandLines.filter((text) => text.includes(CANARY))).toEqual([])
  },
)
