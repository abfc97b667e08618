import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { CLI } from '../../support/sandbox.ts'
import { casesOf, tell, type Case } from './cases.ts'
import { STORIES, type Story } from './classes.ts'
import { worlds } from './stories.ts'
import { unable } from './strace.ts'
import { differences, look } from './look.ts'
import { restore, type Lane } from './world.ts'

const reason = unable()
const ground = worlds(1)
const why = reason === null ? '' : ` (${reason})`

afterAll(() => ground.remove())

async function wrongIn(name: string, chosen: (one: Case) => boolean): Promise<string[]> {
  const told = await ground.tell(STORIES.find((story) => story.name === name) as Story)
  const cases = casesOf(told, 'KILL').filter(chosen)
  expect(cases.length).toBeGreaterThan(0)
  const [lane] = told.world.lanes as [Lane]
  const wrong: string[] = []
  let aimed = 0
  for (const each of cases) {
    const { hit, wrong: seen } = await tell(each, lane, false)
    aimed += hit?.label.includes('host.key') === true ? 1 : 0
    wrong.push(...seen.map((line) => `at ${each.call.label}: ${line}`))
  }
  expect(aimed, 'calls on the key that were hit').toBeGreaterThan(0)
  return wrong
}

test.skipIf(reason !== null)(`a run that is killed while it makes the key of the host leaves no second key beside it${why}`, async () => {
  const named = /^(?:link|linkat|unlink|rename|fsync)\(.*host\.key/
  expect(await wrongIn('first', ({ call }) => named.test(call.label))).toEqual([])
})

for (const name of ['host.key', 'host.key.copy'])
  test.skipIf(reason !== null)(`${name} that may not be read is not set aside${why}`, async () => {
    const { world } = await ground.tell(STORIES.find((story) => story.name === 'apply') as Story)
    const [lane] = world.lanes as [Lane]
    restore(lane, 'old')
    const path = join(lane.home, '.local/share/gitops', name)
    const before = readFileSync(path)
    const forbid = ['-f', '-qq', '-o', '/dev/null', '-P', path, '-e', 'trace=openat', '-e', 'inject=openat:error=EACCES']
    const { env, site } = world.sandbox
    const ran = spawnSync('strace', [...forbid, process.execPath, CLI, 'reconcile'], {
      cwd: site,
      env: { ...env, ...lane.env },
      encoding: 'utf8',
    })
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['host.key', 'host.key.copy'])
    expect(readFileSync(path)).toEqual(before)
    // A copy is not worth failing for; a key is, and everything is as before.
    expect(ran.status, ran.stdout + ran.stderr).toBe(name === 'host.key' ? 1 : 0)
    if (name === 'host.key') expect(ran.stdout + ran.stderr).toContain(`the host key ${path} cannot be read: it is not ours to read`)
    expect(differences(look(lane), name === 'host.key' ? world.old : world.wanted)).toEqual([])
  })
