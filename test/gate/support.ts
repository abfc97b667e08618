import { expect } from 'vitest'
import type { Finding } from '../../lib/model/finding.ts'
import type { Ran, Sandbox } from '../support/sandbox.ts'

/** A config whose source is its own repository. */
export const CONFIG = `import { defineConfig } from 'gitops'

export default defineConfig({
  name: 'story',
  sources: { team: { repo: '.' } },
  targets: { claude: { from: '.claude', to: '~/.claude' } },
})
`

/** `gitops validate --json` in the repository. `places` says where each finding is. */
export async function validate(
  sandbox: Sandbox,
  ...args: string[]
): Promise<Ran & { findings: Finding[]; notes: string[]; places: string[] }> {
  const ran = await sandbox.gitops(['validate', '--json', ...args], { cwd: sandbox.work })
  expect(ran.stdout, ran.stderr).toMatch(/^\{/)
  const { findings, notes } = JSON.parse(ran.stdout) as { findings: Finding[]; notes: string[] }
  return { ...ran, findings, notes, places: findings.map(({ path, line, column, rule }) => `${path}:${line}:${column} ${rule}`) }
}

/** A repository without a fault. */
export const CLEAN = { 'gitops.config.ts': CONFIG, '.claude/settings.json': '{}\n', '.claude/CLAUDE.md': '# Team\n' }
