import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { random } from '../support/random.ts'
import { test, type Files, type Sandbox } from '../support/sandbox.ts'

const CASES = Number(process.env['GITOPS_RUNS'] ?? 3)

/** Where types change, the directories before what lies in them. */
const PATHS = ['a', 'a/b', 'a/b/c', 'a/d', 'e', 'e/f']

/** All below `.claude` with modes of files and directories. */
function exactly(sandbox: Sandbox, directory = '.claude'): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(join(sandbox.home, directory))) {
    const path = `${directory}/${name}`
    const full = join(sandbox.home, path)
    const stat = lstatSync(full)
    const mode = (stat.mode & 0o7777).toString(8)
    if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(full)}`
    else if (stat.isFile()) found[path] = `${mode} ${readFileSync(full, 'utf8')}`
    else Object.assign(found, { [`${path}/`]: mode }, exactly(sandbox, path))
  }
  return found
}

async function done(sandbox: Sandbox, ...args: string[]): Promise<string> {
  const ran = await sandbox.gitops(args)
  expect(ran.code, ran.said).toBe(0)
  return ran.said
}

const AWAY = [
  ['uninstall', '--yes'],
  ['rollback', '--to', 'original'],
] as const

for (const away of AWAY) {
  test(`${away[0]} brings back a file that one of our directories has replaced, and a directory that one of our files has replaced`, async ({
    sandbox,
  }) => {
    const { home } = sandbox
    sandbox.write(home, {
      '.claude/n0.md': { text: 'theirs', mode: 0o600 },
      '.claude/d/x': { text: 'in d', mode: 0o640 },
      '.claude/l': { link: 'd' },
    })
    for (const path of ['d', 'empty']) {
      mkdirSync(join(home, '.claude', path), { recursive: true })
      chmodSync(join(home, '.claude', path), 0o700)
    }
    const before = exactly(sandbox)
    sandbox.config()
    sandbox.commit({ '.claude/n0.md': 'ours', '.claude/d/x': 'ours', '.claude/l': 'ours', '.claude/empty': 'a file', '.claude/z': 'z' })
    await done(sandbox, 'reconcile')
    sandbox.commit({ '.claude/n0.md': null, '.claude/d': null, '.claude/l': null })
    sandbox.commit({ '.claude/n0.md/in/deep.md': 'ours', '.claude/d': 'now a file', '.claude/l/in': 'ours' })
    await done(sandbox, 'reconcile')
    expect(sandbox.live('.claude/d')).toBe('now a file')
    await done(sandbox, ...away)
    expect(exactly(sandbox)).toEqual(before)
  })
}

test('a directory that was there before us has its permissions again when the source makes it a directory again', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/d/x': 'theirs' })
  chmodSync(join(sandbox.home, '.claude/d'), 0o700)
  const before = exactly(sandbox)
  sandbox.config()
  for (const files of [{ 'd/x': 'ours' }, { d: 'a file' }, { 'd/y': 'ours' }, { z: 'z' }]) {
    sandbox.commit({ '.claude': null })
    sandbox.commit({ '.claude/z': 'z', ...Object.fromEntries(Object.entries(files).map(([path, text]) => [`.claude/${path}`, text])) })
    await done(sandbox, 'reconcile', '--allow-shrink')
    if (!('d' in files)) expect(exactly(sandbox)['.claude/d/']).toBe('700')
  }
  await done(sandbox, 'rollback')
  await done(sandbox, 'rollback')
  expect(sandbox.live('.claude/d')).toBe('a file')
  await done(sandbox, 'uninstall', '--yes')
  expect(exactly(sandbox)).toEqual(before)
})

test('what somebody has put where a file of theirs was before stays when we leave', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'theirs', '.claude/b/c': 'theirs' })
  sandbox.config()
  sandbox.commit({ '.claude/a': 'ours', '.claude/b/c': 'ours', '.claude/z': 'z' })
  await done(sandbox, 'reconcile')
  sandbox.commit({ '.claude/a': null, '.claude/b': null })
  sandbox.commit({ '.claude/a/in': 'ours', '.claude/b': 'ours' })
  await done(sandbox, 'reconcile')
  sandbox.write(sandbox.home, { '.claude/a/new': 'a new one', '.claude/b': 'edited' })
  await done(sandbox, 'uninstall', '--yes')
  expect(exactly(sandbox)).toEqual({ '.claude/a/': expect.any(String), '.claude/a/new': '644 a new one', '.claude/b': '644 edited' })
})

/** Some of the paths as files and links; what lies below one of them is left out. */
function tree(next: () => number, word: string): Files {
  const files: Record<string, Files[string]> = {}
  for (const path of PATHS.toSorted(() => next() - 0.5)) {
    const tangled = Object.keys(files).some((other) => path.startsWith(`${other}/`) || other.startsWith(`${path}/`))
    const kind = Math.floor(next() * 6)
    if (tangled || kind === 0) continue
    files[path] = kind === 1 ? { link: `${word}-${path}` } : { text: `${word} ${path}`, mode: kind % 2 === 0 ? 0o755 : 0o644 }
  }
  return files
}

function below(files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [`.claude/${path}`, file]))
}

test('whatever types revisions give to paths, leaving brings back exactly the tree that was there before', async ({ sandbox }) => {
  const next = random('changed types')
  let applied = 0
  for (let n = 0; n < CASES; n++) {
    const theirs = tree(next, 'theirs')
    mkdirSync(join(sandbox.home, '.claude'), { recursive: true })
    sandbox.write(sandbox.home, below(theirs))
    for (const path of PATHS)
      if (!Object.keys(theirs).some((other) => path === other || path.startsWith(`${other}/`)) && next() < 0.5) {
        mkdirSync(join(sandbox.home, '.claude', path), { recursive: true })
        chmodSync(join(sandbox.home, '.claude', path), next() < 0.5 ? 0o700 : 0o751)
      }
    const before = exactly(sandbox)
    sandbox.config()
    const told = [JSON.stringify(before)]
    sandbox.commit({ '.claude': null })
    sandbox.commit({ '.claude/z': 'z' })
    await done(sandbox, 'reconcile', '--allow-shrink')
    for (let revision = 0; revision < 3; revision++) {
      // The first one takes over what was there, so that later ones may make something else of it.
      const ours =
        revision === 0 && next() < 0.8
          ? Object.fromEntries(Object.keys(theirs).map((path) => [path, `ours ${path}`]))
          : tree(next, `${revision}`)
      sandbox.commit({ '.claude': null })
      sandbox.commit({ ...below(ours), '.claude/z': 'z' })
      const { code, said } = await sandbox.gitops(['reconcile', '--allow-shrink'])
      told.push(JSON.stringify(ours), said)
      if (code === 0) applied++
      else expect(said, told.join('\n')).toMatch(/move it away/)
    }
    const ran = await sandbox.gitops([...(next() < 0.5 ? AWAY[0] : AWAY[1])])
    expect(ran.code, told.join('\n') + ran.said).toBe(0)
    expect(exactly(sandbox), told.join('\n') + ran.said).toEqual(before)
    await sandbox.gitops(['uninstall', '--yes', '--purge'])
    rmSync(join(sandbox.home, '.claude'), { recursive: true, force: true })
  }
  expect(applied).toBeGreaterThan(CASES / 2)
})
