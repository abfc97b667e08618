import { describe, expect } from 'vitest'
import { isPlaceholder } from '../../lib/gate/placeholder.ts'
import { test, type Files, type Sandbox } from '../support/sandbox.ts'
import { member } from '../support/sops.ts'
import { clean } from './clean.ts'
import { claude, documents, leaks, secrets, trees, WRONG_SETTINGS, type Group } from './corpus.ts'
import { validate } from './support.ts'
import { tokens } from './tokens.ts'

const GROUPS: Readonly<Record<string, () => Group | Promise<Group>>> = {
  documents,
  trees: async () => trees(await member()),
  claude,
  leaks,
  secrets: async () => secrets(await member(), await member(), await member()),
}

/** Where the findings are, without their columns, in order. */
async function found(sandbox: Sandbox): Promise<{ places: string[]; said: string }> {
  const { findings, said } = await validate(sandbox)
  return { places: findings.map(({ path, line, rule }) => `${path}:${line} ${rule}`).toSorted(), said }
}

describe('every fault of a corpus is found at its file and line, and nothing else is', () => {
  for (const [name, make] of Object.entries(GROUPS))
    test(name, async ({ sandbox }) => {
      const { good, faults } = await make()
      sandbox.commit(good)
      expect((await found(sandbox)).places).toEqual([])
      const files: Files = Object.assign({}, ...faults.map((fault) => fault.files))
      sandbox.commit(files)
      const { places, said } = await found(sandbox)
      expect(places, said).toEqual(faults.flatMap((fault) => fault.found).toSorted())
    })

  test('settings of a wrong type', async ({ sandbox }) => {
    const { good } = claude()
    sandbox.commit(good)
    for (const [what, settings, line] of WRONG_SETTINGS) {
      sandbox.write(sandbox.work, { '.claude/settings.json': settings })
      const { places, said } = await found(sandbox)
      expect(places, `${what}: ${said}`).toEqual([`.claude/settings.json:${line} check/Claude Code configuration`])
    }
  })

  test('it has more than sixty faults', async () => {
    const groups = await Promise.all(Object.values(GROUPS).map(async (make) => make()))
    const count = groups.flatMap(({ faults }) => faults).length + WRONG_SETTINGS.length
    console.log(
      `corpus: ${count} faults at ${groups.flatMap(({ faults }) => faults.flatMap((fault) => fault.found)).length + WRONG_SETTINGS.length} places`,
    )
    expect(count).toBeGreaterThanOrEqual(60)
  })
})

test('in configurations as people publish them nothing is found, be it only a warning', async ({ sandbox }) => {
  const files = await clean(await member(), await member())
  sandbox.commit(files)
  expect(Object.keys(files).length).toBeGreaterThan(40)
  for (const more of [[], ['--staged'], ['--platform', 'darwin']]) {
    const { findings, code, said } = await validate(sandbox, ...more)
    expect(findings, said).toEqual([])
    expect(code).toBe(0)
  }
})

test('what only shows what a secret looks like is none, and what differs a little from it is one', () => {
  const x = 'x'.repeat(36)
  for (const shown of [
    `ghp_${x}`,
    'https://USER:TOKEN@git.example.com',
    'https://a:<password>@h',
    'https://a:${PASS}@h',
    'postgres://a:****@h/db',
    'https://a:changeme@h',
  ])
    expect(isPlaceholder(shown), shown).toBe(true)
  for (const real of [
    ...Object.values(tokens()),
    `ghp_${x.slice(1)}y`,
    'https://a:TOKEN7@h',
    'https://a:hunter@h',
    'postgres://a:xxxxxy@h/db',
  ])
    expect(isPlaceholder(real), real).toBe(false)
})
