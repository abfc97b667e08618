import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { CLI } from '../support/sandbox.ts'

test('this repository passes its own gate, with every allowance named in its config', { timeout: 60_000 }, () => {
  const said = execFileSync(process.execPath, [CLI, 'validate'], { cwd: resolve(import.meta.dirname, '../..'), encoding: 'utf8' })
  expect(said).toMatch(/^Nothing found in \d+ files\.$/m)
})
