import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'

test(
  'an application waits well under a second for its lock while sixty keys are set in a document of more than a megabyte',
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
      Array.from({ length: 6000 }, (_, index) => [
        `/home/me/project${index}`,
        { trusted: true, history: ['a', 'b'], cost: index / 7, name: 'x'.repeat(60) },
      ]),
    )
    const ours = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key${index}`, { of: index }]))
    const text = JSON.stringify(
      { login: 'me', ...Object.fromEntries(Object.keys(ours).map((key) => [key, { of: 'theirs' }])), projects },
      null,
      2,
    )
    expect(text.length).toBeGreaterThan(1_300_000)
    sandbox.write(sandbox.home, { '.app/state.json': text })
    sandbox.commit({ 'app/state.json': JSON.stringify(ours) })
    const seen: number[] = []
    let over = false
    const ran = sandbox.gitops(['reconcile']).finally(() => (over = true))
    while (!over) {
      if (existsSync(join(sandbox.home, '.app/state.json.lock'))) seen.push(performance.now())
      await setTimeout(1)
    }
    expect((await ran).code, (await ran).said).toBe(0)
    expect(JSON.parse(sandbox.live('.app/state.json'))).toEqual({ login: 'me', projects, ...ours })
    expect(seen.length).toBeGreaterThan(0)
    const held = (seen.at(-1) ?? 0) - (seen[0] ?? 0)
    expect(held).toBeLessThan(800)
  },
)
