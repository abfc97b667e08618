import { once } from 'node:events'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { random } from '../support/random.ts'
import { DEFAULT_CONFIG, test, type Files, type Sandbox } from '../support/sandbox.ts'
import { forget, member, sops, trust } from '../support/sops.ts'

const FROM = 'secrets/token.json.enc'
const SECRETS = `secrets: { token: { from: '${FROM}', to: '~/.app/token.json' } }`
const OLD = '{\n  "token": "the old token"\n}\n'

/** A home in which a file and a secret are live. */
async function applied(sandbox: Sandbox): Promise<{ me: Awaited<ReturnType<typeof member>>; before: Record<string, string> }> {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({ '.claude/a.md': 'old', [FROM]: await sops(me, JSON.parse(OLD)) })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, SECRETS))
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  return { me, before: liveOf(sandbox) }
}

/** Everything in the home but our state. */
const liveOf = (sandbox: Sandbox): Record<string, string> =>
  Object.fromEntries(Object.entries(sandbox.tree(sandbox.home)).filter(([path]) => !/^\.(?:local|config)\b/.test(path)))

/** A revision with a fault in its secret: refused or failed, in one sentence that holds all of `words`, with nothing written; as JSON too. */
async function faulty(sandbox: Sandbox, before: Record<string, string>, file: Files, code: 1 | 5, words: readonly string[]): Promise<void> {
  sandbox.commit({ '.claude/a.md': `new, for ${JSON.stringify(words)}`, ...file })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(code)
  const verdict = ran.said.trim().split('\n').at(-1) ?? ''
  for (const word of words) expect(verdict).toContain(word)
  expect(ran.said).not.toMatch(/\n\s+at /)
  expect(liveOf(sandbox)).toEqual(before)

  const inJson = await sandbox.gitops(['reconcile', '--json'])
  expect(inJson.code, inJson.said).toBe(code)
  const last = JSON.parse(inJson.stdout.trim().split('\n').at(-1) ?? '') as { kind: string; exitCode: number; message: string }
  expect(last).toMatchObject({ kind: 'verdict', exitCode: code, outcome: code === 1 ? 'failed' : 'refused' })
  for (const word of words) expect(last.message).toContain(word)
  expect(liveOf(sandbox)).toEqual(before)
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
}

test('a secret file that was changed after it was encrypted is refused, and the sentence says which value', async ({ sandbox }) => {
  const { me, before } = await applied(sandbox)
  const good = await sops(me, { token: 'the new token', plain_unencrypted: 'in clear', list: ['one thing', 'another'] })
  const flip = good.replace(/("token": "ENC\[AES256_GCM,data:)(.)/, (_, head: string, first: string) => head + (first === 'A' ? 'B' : 'A'))
  expect(flip).not.toBe(good)
  await faulty(sandbox, before, { [FROM]: flip }, 5, [FROM, '"token"', 'was changed after it was encrypted', 'last good version'])
  await faulty(sandbox, before, { [FROM]: good.replace('in clear', 'in clean') }, 5, [FROM, 'its MAC does not match', 'last good version'])
  const clear = good.replace(/"token": "ENC[^"]*"/, '"token": "in clear now"')
  expect(clear).not.toBe(good)
  await faulty(sandbox, before, { [FROM]: clear }, 5, [FROM, '"token"', 'in clear', 'last good version'])

  // The good one goes through afterwards.
  sandbox.commit({ [FROM]: good })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.app/token.json')).toContain('the new token')
})

test('a secret file that is broken, empty or not encrypted is refused', async ({ sandbox }) => {
  const { me, before } = await applied(sandbox)
  const yaml = await sops(me, 'token: the new token\n', { format: 'yaml' })
  await faulty(sandbox, before, { [FROM]: yaml.replace('sops:', '  sops: : [') }, 5, [FROM])
  await faulty(sandbox, before, { [FROM]: (await sops(me, { token: 'the new token' })).slice(0, -40) }, 5, [FROM])
  await faulty(sandbox, before, { [FROM]: '' }, 5, [FROM, 'is empty'])
  await faulty(sandbox, before, { [FROM]: '{"token":"in clear"}' }, 5, [FROM, 'is not encrypted', '`gitops encrypt`'])
  await faulty(sandbox, before, { [FROM]: Buffer.from([0xff, 0xfe, 0, 1]) }, 5, [FROM, 'is not a text file'])
  // What it holds is not what the place asks for.
  const text = await sops(me, 'no json at all', { format: 'binary' })
  await faulty(sandbox, before, { [FROM]: text }, 5, [FROM, 'token.json', 'nothing was written'])
})

test('a secret that is not a file in the source is named', async ({ sandbox }) => {
  const { before } = await applied(sandbox)
  sandbox.commit({ [FROM]: null })
  await faulty(sandbox, before, {}, 1, [FROM, 'there is no file', 'secrets.token.from'])
  await faulty(sandbox, before, { [`${FROM}/inner`]: 'x' }, 1, [FROM])
  sandbox.commit({ [FROM]: null })
  await faulty(sandbox, before, { [FROM]: { link: '../.claude/a.md' } }, 5, [FROM, 'is not a regular file'])
})

test('without an identity that opens it nothing is written, and the sentence says whose it is and which were tried', async ({
  sandbox,
}) => {
  const { me, before } = await applied(sandbox)
  const other = await member()
  const foreign = await sops(other, { token: 'for somebody else' })
  await faulty(sandbox, before, { [FROM]: foreign }, 1, [
    FROM,
    other.recipient,
    me.recipient,
    '.config/sops/age/keys.txt',
    'ask one of them to add yours',
  ])
  forget(sandbox)
  await faulty(sandbox, before, { [FROM]: await sops(me, { token: 'for me' }) }, 1, [
    FROM,
    me.recipient,
    'no age identity',
    '.config/sops/age/keys.txt',
    'SOPS_AGE_KEY',
  ])
  sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': '# comment\nnot-a-key-but-maybe-a-secret\n' })
  await faulty(sandbox, before, {}, 1, ['line 2 of', '.config/sops/age/keys.txt', 'is not an age identity'])
  expect((await sandbox.gitops(['reconcile'])).said).not.toContain('not-a-key-but')

  // Never held: with the key it simply works.
  trust(sandbox, me)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.app/token.json')).toContain('for me')
})

test('a live document that does not parse is never touched', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const broken = '{ "oauth": "half a fi'
  sandbox.write(sandbox.home, { '.app/token.json': broken })
  sandbox.commit({ '.claude/a.md': 'a', [FROM]: await sops(me, { token: 'the old token' }) })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, SECRETS.replace("token.json' }", "token.json', strategy: 'merge' }")))
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code, refused.said).toBe(5)
  expect(refused.said).toMatch(/token\.json:1:\d+ is not JSON/)
  expect(refused.said).not.toContain('half a fi')
  expect(sandbox.live('.app/token.json')).toBe(broken)
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)

  // Broken later, after it was ours.
  sandbox.write(sandbox.home, { '.app/token.json': '{"oauth":1}' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.write(sandbox.home, { '.app/token.json': broken })
  for (const args of [['reconcile'], ['diff'], ['status'], ['reconcile', '--dry-run'], ['rollback']]) {
    const ran = await sandbox.gitops(args)
    expect(ran.said, args.join(' ')).not.toContain('half a fi')
    expect(ran.said, args.join(' ')).not.toMatch(/\n\s+at /)
    expect(sandbox.live('.app/token.json'), args.join(' ')).toBe(broken)
  }
})

test(
  'a run that changes secrets and files and is killed at any instant is finished by the next one, with no plaintext left anywhere',
  { timeout: 200_000 },
  async ({ sandbox }) => {
    const me = await member()
    trust(sandbox, me)
    const theirs = { oauth: { login: 'mine' }, count: 1 }
    sandbox.write(sandbox.home, { '.claude.json': { text: JSON.stringify(theirs), mode: 0o600 } })
    sandbox.config(
      DEFAULT_CONFIG(
        sandbox.remote,
        `secrets: {
          account: { from: 's/account', to: '~/.claude.json', strategy: 'merge' },
          fresh: { from: 's/account', to: '~/.fresh.json', strategy: 'merge' },
          token: { from: 's/token', to: '~/.claude/token' },
        },
        checks: { validate: [{ name: 'stage', run: 'test -d "$GITOPS_STAGE"' }], smoke: [{ name: 'alive', run: 'true' }] },`,
      ),
    )
    const files = (word: string): Files => Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`.claude/${n}.md`, `${word} ${n}`]))
    const revision = async (word: string, more: object): Promise<string> =>
      sandbox.commit({
        ...files(word),
        's/account': await sops(me, { apiKey: `canary-account-${word}`, ...more }),
        's/token': await sops(me, `canary-token-${word}`, { format: 'binary' }),
      })
    await revision('old', { nested: { was: 'canary-nested-old' } })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    await revision('new', { nested: { is: 'canary-nested-new' } })
    const snapshot = join(sandbox.root, 'snapshot')
    execFileSync('cp', ['-a', sandbox.home, snapshot])
    const began = performance.now()
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    const total = performance.now() - began
    const wanted = liveOf(sandbox)
    const account = { apiKey: 'canary-account-new', nested: { is: 'canary-nested-new' } }
    expect(JSON.parse(sandbox.live('.claude.json'))).toEqual({ ...theirs, ...account })
    expect(JSON.parse(sandbox.live('.fresh.json'))).toEqual(account)

    const chance = random('kill a run with secrets')
    let journals = 0
    let spread = total / 6
    for (let round = 0; round < 25; round++) {
      rmSync(sandbox.home, { recursive: true })
      execFileSync('cp', ['-a', snapshot, sandbox.home])
      const child = sandbox.start(['reconcile'])
      const ended = once(child, 'exit')
      const journal = join(sandbox.state, 'journal.json')
      // Most of them where it matters: once the journal is there.
      if (round % 4 !== 0) while (!existsSync(journal) && child.exitCode === null) await sleep(1)
      await Promise.race([sleep(chance() * (round % 4 === 0 ? total : spread)), ended])
      child.kill('SIGKILL')
      await ended
      if (existsSync(journal)) journals++
      // It was faster than the first one, by which the clock was set.
      else if (round % 4 !== 0) spread *= 0.7
      expect(plaintextOutside(sandbox), `round ${round}: right after the kill`).toEqual([])
      const next = await sandbox.gitops(['reconcile'])
      expect(next.code, `round ${round}: ${next.said}`).toBe(0)
      expect(liveOf(sandbox), `round ${round}: ${next.said}`).toEqual(wanted)
      expect(plaintextOutside(sandbox), `round ${round}`).toEqual([])
      // What a run left that was killed while it asked for the lock is removed when it is ten seconds old.
      const leftover = /\.gitops-|(?<!\/lock\/[^/]+)\.tmp$|\/journal\.json$|host\.key\.(?!copy$)/
      const left = Object.keys(sandbox.tree(sandbox.home)).filter((path) => leftover.test(path))
      expect([...left, ...readdirSync(join(sandbox.root, 'runtime'))], `round ${round}`).toEqual([])
    }
    expect(journals).toBeGreaterThan(5)
  },
)

/** Files that hold a secret's value, and are neither its live place nor the file beside it that is about to be renamed to it. */
function plaintextOutside(sandbox: Sandbox): string[] {
  const list = execFileSync('grep', ['-rlaF', 'canary-', 'home', 'runtime', 'site'], {
    cwd: sandbox.root,
    encoding: 'utf8',
  })
  return list
    .trim()
    .split('\n')
    .filter((path) => !/^home\/(?:\.claude\.json|\.fresh\.json|\.claude\/token|(?:\.claude\/)?\.gitops-[^/]*)$/.test(path))
}
