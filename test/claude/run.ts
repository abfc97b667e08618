/**
 * `npm run test:claude`: the suite with the real Claude Code. It is got from npm (some 380 MB) into a directory of its own, which may be named by
 * GITOPS_CLAUDE_HOME and is kept; it is started in throw-away homes, without a network and never logged in.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const VERSION = '2.1.330'
const directory = process.env['GITOPS_CLAUDE_HOME'] ?? join(tmpdir(), `gitops-test-claude-${VERSION}`)
const program = join(directory, `node_modules/@anthropic-ai/claude-code-${process.platform}-${process.arch}/claude`)

if (!existsSync(program)) {
  mkdirSync(directory, { recursive: true })
  execFileSync(
    'npm',
    ['install', '--prefix', directory, '--no-audit', '--no-fund', '--ignore-scripts', `@anthropic-ai/claude-code@${VERSION}`],
    {
      stdio: 'inherit',
    },
  )
}
const offline = process.platform === 'linux' ? ['unshare', '--map-root-user', '--net'] : []
const command = [...offline, process.execPath, resolve(import.meta.dirname, '../../node_modules/vitest/vitest.mjs'), 'run', 'test/claude']
const { status } = spawnSync(command[0] ?? '', command.slice(1), { stdio: 'inherit', env: { ...process.env, GITOPS_CLAUDE: program } })
process.exitCode = status ?? 1
