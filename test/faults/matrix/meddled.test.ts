import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { differences, look } from './look.ts'
import { calls, disturb, unable } from './strace.ts'
import { gitops, makeWorld, restore, type World } from './world.ts'

const reason = unable()
const worlds: World[] = []

afterAll(() => worlds.forEach((world) => world.remove()))

async function told(name: 'meddling' | 'short history') {
  const world = await makeWorld(name, 1)
  worlds.push(world)
  const [lane] = world.lanes
  if (lane === undefined) throw new Error('a world without a lane')
  const all = await calls(world, lane, ['reconcile'])
  restore(lane, 'old')
  return { world, lane, all }
}

describe.skipIf(reason !== null)(reason ?? 'around a careless check', () => {
  test('a commit that the disk did not confirm is live also after what the checks have left was put back', { timeout: 0 }, async () => {
    const { world, lane, all } = await told('meddling')
    const at = all.findIndex(({ label }) => /^rename\(.* state\/inventory\.json\)/.test(label))
    const sync = all.slice(at).find(({ label }) => label.startsWith('fsync(state)'))
    if (sync === undefined) throw new Error('the inventory is not made durable')
    const ran = await disturb(world, lane, ['reconcile'], { ...sync, fault: 'EIO' })
    expect(ran.hit?.label).toBe(sync.label)
    expect(ran.said).toContain('changed while the checks ran, and are put back')
    const next = await gitops(world, lane, 'reconcile')
    expect(next.code, next.said).toBe(0)
    expect(differences(look(lane), world.wanted)).toEqual([])
  })

  test('a run that keeps little history removes old generations, and only those', { timeout: 0 }, async () => {
    const { world, lane, all } = await told('short history')
    const generations = (): string[] => readdirSync(join(lane.state, 'generations')).toSorted()
    const before = generations()
    expect(all.some(({ label }) => /^unlink\w*\(state\/generations\//.test(label))).toBe(true)
    expect((await gitops(world, lane, 'reconcile')).code).toBe(0)
    expect(before.filter((name) => !generations().includes(name))).not.toEqual([])
    expect((await gitops(world, lane, 'rollback', '--to', 'original')).code).toBe(0)
    expect(differences(look(lane), world.original)).toEqual([])
    expect(existsSync(join(lane.state, 'journal.json'))).toBe(false)
  })
})
