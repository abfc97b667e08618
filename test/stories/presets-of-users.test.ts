import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'

const MANUAL = readFileSync(resolve(import.meta.dirname, '../../docs/plug-ins.md'), 'utf8')

/** A file as the manual shows it. */
function shown(name: string): string {
  const [, text] = new RegExp(`\`\`\`ts\\n// ${name.replaceAll('.', '\\.')}\\n([^]*?)\`\`\``).exec(MANUAL) ?? []
  return text ?? ''
}

test('the preset in the manual works as it is written: a good Git configuration is applied, one that Git cannot read is refused', async ({
  sandbox,
}) => {
  sandbox.commit({ 'git/config': '[user]\n\tname = Story\n', 'git/ignore': '*.swp\n' })
  const config = shown('gitops.config.ts').replace('git@git.example.org:team/dotfiles.git', sandbox.remote)
  expect(config).toContain(sandbox.remote)
  sandbox.write(sandbox.site, { 'git-config.ts': shown('git-config.ts'), 'gitops.config.ts': config })
  const good = await sandbox.gitops(['reconcile'])
  expect(good.code, good.said).toBe(0)
  expect(sandbox.git(sandbox.home, 'config', '--global', 'user.name')).toBe('Story')

  sandbox.commit({ 'git/config': '[user\nname\n' })
  const bad = await sandbox.gitops(['reconcile'])
  expect(bad.code, bad.said).toBe(5)
  expect(bad.said).toContain('bad config line 1')
  expect(sandbox.live('.config/git/config')).toBe('[user]\n\tname = Story\n')

  sandbox.commit({ 'git/config': null })
  const none = await sandbox.gitops(['reconcile'])
  expect(none.code, none.said).toBe(0)
  expect(none.stderr).toContain('check "git reads it": the source has no config')

  sandbox.commit({ 'git/credentials': 'https://me:secret@example.org\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
})
