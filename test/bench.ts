import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { compare, type Side } from './bench-compare.ts'
import { benchGate } from './bench-gate.ts'
import { benchSecrets } from './bench-secrets.ts'

/*
 * What a start costs, and decrypting beside the real sops, as ratios measured pairwise in one run: the two sides take turns, so that a busy machine slows both.
 *   npm run bench [-- rounds]
 */

const CLI = resolve(import.meta.dirname, '../dist/lib/cli/main.js')
const ROUNDS = Number(process.argv[2] ?? 15)

/** A repository with so many files, a config for it, and a home. */
function site(
  root: string,
  name: string,
  count: number,
): { readonly gitops: (...args: string[]) => void; readonly work: string; readonly home: string } {
  const [work, home] = [join(root, name, 'work'), join(root, name, 'home')]
  for (const directory of [work, home]) mkdirSync(directory, { recursive: true })
  const env = { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1', NODE_COMPILE_CACHE: join(root, 'compile-cache') }
  const identity = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.org']
  const git = (...args: string[]): void => void execFileSync('git', [...identity, ...args], { cwd: work, env, stdio: 'ignore' })
  for (let index = 0; index < count; index++) {
    const directory = join(work, 'tree', `d${index % 100}`)
    if (index < 100) mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, `f${index}.md`), `file ${index}\n`.repeat(index % 500))
  }
  git('init', '--quiet', '--initial-branch=main')
  git('add', '--all')
  git('commit', '--quiet', '-m', 'bench')
  const config = {
    name: 'bench',
    sources: { team: { repo: work, ref: 'main' } },
    targets: { t: { source: 'team', from: 'tree', to: '~/t' } },
  }
  writeFileSync(
    join(root, name, 'gitops.config.ts'),
    `import { defineConfig } from 'gitops'\nexport default defineConfig(${JSON.stringify(config)})\n`,
  )
  const gitops = (...args: string[]): void => {
    const ran = spawnSync(process.execPath, [CLI, ...args], { cwd: join(root, name), env, encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(`gitops ${args.join(' ')} ended with ${ran.status}: ${ran.stdout}${ran.stderr}`)
  }
  gitops('reconcile')
  return { gitops, work, home }
}

function main(root: string): void {
  const bare: Side = { name: 'node -e 0', run: () => void spawnSync(process.execPath, ['-e', '0']) }
  const small = site(root, 'small', 10)
  compare({ name: 'no-op, 10 files', run: () => small.gitops('reconcile') }, bare, ROUNDS, '   goal: at most 5')
  compare({ name: '--help', run: () => small.gitops('--help') }, bare, ROUNDS, '')

  const rsync = spawnSync('rsync', ['--version']).status === 0
  if (!rsync) return void process.stdout.write('rsync is not installed: the comparison at 10,000 files is left out\n')
  const large = site(root, 'large', 10_000)
  const clone = join(root, 'clone')
  execFileSync('git', ['clone', '--quiet', `file://${large.work}`, clone])
  const theirs = (): void => {
    execFileSync('git', ['fetch', '--quiet'], { cwd: clone })
    execFileSync('rsync', ['-an', '--delete', `${clone}/tree/`, `${large.home}/t/`], { stdio: 'ignore' })
  }
  compare(
    { name: 'no-op, 10,000 files', run: () => large.gitops('reconcile') },
    { name: 'git fetch + rsync -an --delete', run: theirs },
    Math.max(5, Math.floor(ROUNDS / 2)),
    '',
  )
}

const root = mkdtempSync(join(tmpdir(), 'gitops-bench-'))
try {
  main(root)
  await benchSecrets(root, CLI, ROUNDS)
  benchGate(root, CLI)
} finally {
  rmSync(root, { recursive: true, force: true })
}
