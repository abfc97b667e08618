import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'

test(
  'an application waits well under a second for its lock while many keys are set in a large document',
  { timeout: 60_000 },
  async ({ sandbox }) => {
    sandbox.write(sandbox.site, {
      'gitops.config.ts': `import { defineConfig, merge } from 'gitops'
export default defineConfig({
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { app: { from: 'app', to: '~/.app', documents: { '*.json': merge({ lock: 'proper-lockfile' }) } } },
})
`,
    })
    const projects = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [
        `/home/me/project${index}`,
        { trusted: true, history: ['a', 'b'], cost: index / 7, name: 'x'.repeat(60) },
      ]),
    )
    const ours = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key${index}`, { of: index }]))
    const text = JSON.stringify(
      { login: 'me', ...Object.fromEntries(Object.keys(ours).map((key) => [key, { of: 'theirs' }])), projects },
      null,
      2,
    )
    expect(text.length).toBeGreaterThan(600_000)
    sandbox.write(sandbox.home, { '.app/state.json': text })
    sandbox.commit({ 'app/state.json': JSON.stringify(ours) })
    const seen: number[] = []
    const look = setInterval(() => {
      if (existsSync(join(sandbox.home, '.app/state.json.lock'))) seen.push(performance.now())
    }, 1)
    const ran = await sandbox.gitops(['reconcile'])
    clearInterval(look)
    expect(ran.code, ran.said).toBe(0)
    expect(JSON.parse(sandbox.live('.app/state.json'))).toEqual({ login: 'me', projects, ...ours })
    expect(seen.length).toBeGreaterThan(0)
    const held = (seen.at(-1) ?? 0) - (seen[0] ?? 0)
    expect(held).toBeLessThan(800)
  },
)
