/**
 * Makes the state directories of this format for test/fixtures/state: what a later version has to take over. Run once a format, with
 * the last build that writes it: `npm run build && node test/host/make-state.ts 1`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { newIdentity } from '../../lib/secrets/age.ts'

/** The inventory names live files by their full path, and so do the fingerprints of secrets: these homes lie where they were made. */
const ROOT = '/tmp/gitops-test-state'
const CLI = resolve(import.meta.dirname, '../../dist/lib/cli/main.js')
const [home, work, remote, site] = ['home', 'work', 'remote.git', 'site'].map((name) => join(ROOT, name)) as [
  string,
  string,
  string,
  string,
]
const out = resolve(import.meta.dirname, '../fixtures/state', process.argv[2] ?? '1')
const who = (role: string): Record<string, string> => ({ [`GIT_${role}_NAME`]: 'Story', [`GIT_${role}_EMAIL`]: 'story@example.org' })
const env = {
  PATH: process.env['PATH'],
  HOME: home,
  USER: 'story',
  NO_COLOR: '1',
  GIT_CONFIG_NOSYSTEM: '1',
  ...who('AUTHOR'),
  ...who('COMMITTER'),
}

const put = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
}
const git = (cwd: string, ...args: string[]): string => execFileSync('git', args, { cwd, env, encoding: 'utf8' })
const gitops = (...args: string[]): void => {
  const ran = spawnSync(process.execPath, [CLI, ...args], { cwd: site, env, encoding: 'utf8' })
  console.log(`gitops ${args.join(' ')}: ${ran.status ?? ran.signal}\n${ran.stdout}${ran.stderr}`)
}
const commit = (files: Record<string, string | null>): void => {
  for (const [path, text] of Object.entries(files)) {
    if (text === null) rmSync(join(work, path))
    else put(join(work, path), text)
  }
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '-m', 'change')
  git(work, 'push', '--quiet', 'origin', 'HEAD')
}
const archive = (name: string): void => {
  mkdirSync(out, { recursive: true })
  const pack = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--exclude=sources', '--exclude=lock']
  execFileSync('tar', ['-czf', join(out, `${name}.tar.gz`), ...pack, '-C', ROOT, 'home', 'remote.git', 'site'])
}

rmSync(ROOT, { recursive: true, force: true })
for (const path of [home, work, site]) mkdirSync(path, { recursive: true, mode: 0o700 })
git(ROOT, 'init', '--quiet', '--template=', '--bare', '--initial-branch=main', remote)
git(ROOT, 'init', '--quiet', '--initial-branch=main', work)
git(work, 'remote', 'add', 'origin', remote)
const { identity, recipient } = await newIdentity()
const secret = async (value: object): Promise<string> => {
  const plain = Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
  return (await encryptSops(plain, { format: 'json', recipients: [recipient], now: new Date() })).bytes.toString()
}
put(join(home, '.config/sops/age/keys.txt'), `${identity.text()}\n`, 0o600)
put(
  join(site, 'gitops.config.js'),
  `export default {
  name: 'story',
  sources: { team: { repo: '${remote}', ref: 'main' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
  secrets: {
    token: { from: 'secrets/token.json', to: '~/.app/token.json', adopt: 'replace' },
    app: { from: 'secrets/app.json', to: '~/.app/app.json', strategy: 'merge' },
  },
  checks: { smoke: [{ name: 'alive', run: 'grep -q kill ~/.claude/a.md && kill -9 $PPID; ! grep -q bad ~/.claude/a.md' }] },
}
`,
)
// What was there before us.
put(join(home, '.claude/notes.md'), 'a note that a person wrote\n')
put(join(home, '.claude/history.jsonl'), 'typed\n')
put(join(home, '.app/token.json'), '{"token":"from before"}\n', 0o600)
put(join(home, '.app/app.json'), '{\n  "theirs": 1,\n  "servers": { "a": "from before" }\n}\n', 0o600)

commit({
  '.claude/a.md': 'one\n',
  '.claude/notes.md': 'our note\n',
  '.claude/deep/b.md': 'b\n',
  'secrets/token.json': await secret({ token: 'the first token' }),
  'secrets/app.json': await secret({ servers: { a: 'ours', b: 'the first server' } }),
})
gitops('reconcile')
commit({ '.claude/a.md': 'two\n', '.claude/c.md': 'c\n', 'secrets/token.json': await secret({ token: 'the second token' }) })
gitops('reconcile')
gitops('rollback')
commit({ '.claude/a.md': 'three\n', '.claude/deep/b.md': null, 'secrets/app.json': await secret({ servers: { a: 'ours again' } }) })
gitops('reconcile')
put(join(home, '.claude/a.md'), 'drift\n')
gitops('reconcile')
commit({ '.claude/a.md': 'bad\n' })
gitops('reconcile')
archive('held')
commit({ '.claude/a.md': 'kill\n', '.claude/d.md': 'd\n', 'secrets/token.json': await secret({ token: 'the last token' }) })
gitops('reconcile')
archive('killed')
rmSync(ROOT, { recursive: true, force: true })
