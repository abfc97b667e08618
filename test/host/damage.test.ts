import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  readFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { ROUNDS } from '../support/fault-counts.ts'
import { random } from '../support/random.ts'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

/** Every way in which a file of ours is damaged here; each gets the file's path, and the file is there. */
const WAYS: Readonly<Record<string, (path: string) => void>> = {
  empty: (path) => truncateSync(path, 0),
  'cut off': (path) => truncateSync(path, Math.floor(lstatSync(path).size / 2)),
  'no JSON': (path) => writeFileSync(path, 'not json\n'),
  'other JSON': (path) => writeFileSync(path, '[1,2]'),
  'of our format, but empty': (path) => writeFileSync(path, '{"format":1}'),
  binary: (path) => writeFileSync(path, Buffer.from(Array.from({ length: 999 }, (_, n) => (n * 7) % 256))),
  'a directory': (path) => {
    rmSync(path)
    mkdirSync(path)
    writeFileSync(join(path, 'x'), 'x')
  },
  'a pipe': (path) => {
    rmSync(path)
    execFileSync('mkfifo', [path])
  },
  'a link to another file': (path) => {
    renameSync(path, `${path}.elsewhere`)
    symlinkSync(`${path}.elsewhere`, path)
  },
  'a link to nothing': (path) => {
    rmSync(path)
    symlinkSync('nowhere', path)
  },
  huge: (path) => truncateSync(path, 6e9),
}

/** A home in which two revisions of a file, a secret and keys in a document of an application were applied; the second took a file away. */
async function applied(sandbox: Sandbox): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.home, {
    '.app.json': { text: '{\n  "theirs": 1,\n  "ours": "from before"\n}\n', mode: 0o600 },
    '.claude/a.md': 'a note\n',
  })
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `secrets: { token: { from: 's/token.json', to: '~/.token.json' }, app: { from: 's/app.json', to: '~/.app.json', strategy: 'merge' } },`,
    ),
  )
  sandbox.commit({
    '.claude/a.md': 'one\n',
    '.claude/b.md': 'b\n',
    's/token.json': await sops(me, { t: 1 }),
    's/app.json': await sops(me, { ours: 'set' }),
  })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ '.claude/a.md': 'two\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
}

/** What is ours, and our neighbours', in the home. A pipe among our own files would keep whoever reads it waiting. */
const live = (sandbox: Sandbox): Record<string, string> => ({
  ...sandbox.tree(join(sandbox.home, '.claude')),
  ...Object.fromEntries(
    ['.app.json', '.token.json'].flatMap((name) => (existsSync(join(sandbox.home, name)) ? [[name, sandbox.live(name)]] : [])),
  ),
})

const OFFENCES = /this is a bug|\n\s+at |\bE[A-Z]{3,}\b|undefined|\[object/

/** What a home looks like when all that is ours has left the config again: proof that nothing that we knew is lost. */
const ORIGINAL = { 'a.md': '644 a note\n', '.app.json': '{\n  "theirs": 1,\n  "ours": "from before"\n}\n' }

const FILES = ['inventory.json', 'status.json', 'identity.json'] as const

/** Takes everything of ours out of the config: what was there before us comes back, if it is still known. */
async function leave(sandbox: Sandbox): Promise<void> {
  sandbox.config(`{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } } }`)
  const gone = await sandbox.gitops(['reconcile'])
  expect(gone.code, gone.said).toBe(0)
  expect(live(sandbox)).toEqual(ORIGINAL)
}

test(
  'state files that are damaged in any way are set aside, named and back from their copies, and nothing that they knew is lost',
  { timeout: 120_000 },
  async ({ sandbox }) => {
    await applied(sandbox)
    const wanted = live(sandbox)
    const identity = readFileSync(join(sandbox.state, 'identity.json'), 'utf8')
    for (const [way, damage] of Object.entries(WAYS)) {
      for (const name of FILES) damage(join(sandbox.state, name))
      if (way === 'a pipe') {
        const seen = await sandbox.gitops(['status'])
        expect([way, seen.code, OFFENCES.exec(seen.said)]).toEqual([way, 0, null])
      }
      const ran = await sandbox.gitops(['reconcile'])
      expect([way, ran.code, OFFENCES.exec(ran.said)]).toEqual([way, 0, null])
      for (const name of FILES) {
        expect(ran.said).toContain(`${join(sandbox.state, name)} is damaged`)
        expect(
          readdirSync(sandbox.state).filter((other) => other.startsWith(`${name}.damaged-`)),
          way,
        ).toHaveLength(1)
        expect(lstatSync(join(sandbox.state, name)).isFile(), way).toBe(true)
      }
      expect(readFileSync(join(sandbox.state, 'identity.json'), 'utf8')).toBe(identity)
      expect(live(sandbox), way).toEqual(wanted)
      for (const other of readdirSync(sandbox.state)) if (/\.json\./.test(other)) rmSync(join(sandbox.state, other), { recursive: true })
    }
    expect((await sandbox.gitops(['reconcile'])).said).not.toContain('damaged')
    await leave(sandbox)
  },
)

test('a generation that is damaged is taken back from its copy all the same', { timeout: 120_000 }, async ({ sandbox }) => {
  await applied(sandbox)
  for (const [index, way] of ['empty', 'of our format, but empty', 'a pipe', 'a directory'].entries()) {
    const path = join(sandbox.state, `generations/${index + 2}.json`)
    WAYS[way]?.(path)
    const ran = await sandbox.gitops(['rollback'])
    expect([way, ran.code, OFFENCES.exec(ran.said)]).toEqual([way, 0, null])
    expect(ran.said).toContain(`${path} is damaged`)
    expect(sandbox.live('.claude/a.md')).toBe('one\n')
    expect((await sandbox.gitops(['retry'])).code).toBe(0)
    expect(sandbox.live('.claude/a.md')).toBe('two\n')
  }
  await leave(sandbox)
})

test('what a killed run left is undone although its journal is damaged, and needs nobody', { timeout: 120_000 }, async ({ sandbox }) => {
  await applied(sandbox)
  const wanted = live(sandbox)
  const mine = readFileSync(join(sandbox.site, 'gitops.config.ts'), 'utf8')
  const journal = join(sandbox.state, 'journal.json')
  const lethal = mine.replace('secrets:', `checks: { smoke: [{ name: 'dies', run: 'kill -9 $PPID' }] }, secrets:`)
  const ways: readonly [string, boolean][] = [
    ['empty', true],
    ['a pipe', true],
    ['cut off', false],
    ['a directory', false],
    ['of our format, but empty', true],
  ]
  for (const [index, [way, both]] of ways.entries()) {
    sandbox.write(sandbox.site, { 'gitops.config.ts': lethal })
    sandbox.commit({ '.claude/a.md': `three ${index}\n`, '.claude/new/c.md': 'c\n', '.claude/b.md': 'changed\n' })
    expect((await sandbox.gitops(['reconcile'])).code).not.toBe(0)
    expect(sandbox.live('.claude/a.md')).toBe(`three ${index}\n`)
    for (const path of both ? [journal, join(sandbox.state, 'copies/journal.json')] : [journal]) WAYS[way]?.(path)
    expect([way, (await sandbox.gitops(['status', '--exit-code'])).code]).toEqual([way, 3])

    sandbox.write(sandbox.site, { 'gitops.config.ts': mine })
    sandbox.git(sandbox.work, 'reset', '--quiet', '--hard', 'HEAD~1')
    sandbox.git(sandbox.work, 'push', '--quiet', '--force', 'origin', 'HEAD')
    const ran = await sandbox.gitops(['reconcile'])
    expect([way, ran.code, OFFENCES.exec(ran.said)]).toEqual([way, 0, null])
    expect(ran.said).toContain('was half done and is undone')
    expect(live(sandbox), way).toEqual(wanted)
    expect(existsSync(journal)).toBe(false)
  }
})

test('a host key that is damaged is back from its copy, and what it sealed still opens', { timeout: 60_000 }, async ({ sandbox }) => {
  await applied(sandbox)
  const wanted = live(sandbox)
  const path = join(sandbox.home, '.local/share/gitops/host.key')
  const whole = readFileSync(path)
  const flipped = Buffer.from(whole)
  flipped[7] = (flipped[7] ?? 0) ^ 4
  const ways: Readonly<Record<string, (path: string) => void>> = {
    ...WAYS,
    'with one wrong bit': (key: string) => writeFileSync(key, flipped),
  }
  for (const [index, way] of ['empty', 'with one wrong bit', 'a pipe', 'binary'].entries()) {
    ways[way]?.(path)
    // What is put back again and again rests after a while.
    const name = index % 2 === 0 ? '.token.json' : '.app.json'
    sandbox.write(sandbox.home, { [name]: sandbox.live(name).replace('"t": 1', '"t": 2').replace('"set"', '"drift"') })
    const ran = await sandbox.gitops(['reconcile'])
    expect([way, ran.code, OFFENCES.exec(ran.said)]).toEqual([way, 0, null])
    expect(ran.said, way).toContain(`the host key ${path} was damaged: it is back from its copy`)
    expect(readFileSync(path).equals(whole), way).toBe(true)
    expect(live(sandbox), way).toEqual(wanted)
  }
  await leave(sandbox)
})

test(
  'whatever bytes of the state are changed or cut off, the next reconcile ends well, and nothing that it knew is lost',
  { timeout: 300_000 },
  async ({ sandbox }) => {
    await applied(sandbox)
    const wanted = live(sandbox)
    const next = random('damaged state')
    const pick = (most: number): number => Math.floor(next() * most)
    for (let round = 0; round < 10 * ROUNDS; round++) {
      const name = FILES[pick(FILES.length)] ?? 'inventory.json'
      const path = join(sandbox.state, name)
      const bytes = readFileSync(path)
      const cut = next() < 0.3
      for (let flips = cut ? 0 : 1 + pick(3); flips > 0; flips--) {
        const at = pick(bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8))
      }
      writeFileSync(path, cut ? bytes.subarray(0, pick(bytes.length)) : bytes)
      const ran = await sandbox.gitops(['reconcile'])
      expect([round, name, ran.code, OFFENCES.exec(ran.said)]).toEqual([round, name, 0, null])
      expect(ran.said).toContain(`${path} is damaged`)
      expect(live(sandbox)).toEqual(wanted)
    }
    await leave(sandbox)
  },
)
