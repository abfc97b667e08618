import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { decode, encode } from '../../lib/host/codec.ts'
import { atMoment } from '../support/moment.ts'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const live = (sandbox: Sandbox): Record<string, string> => sandbox.tree(join(sandbox.home, '.claude'))

/** As if another machine had written the state: a container with a new id, a second machine with the same home, a clone. `met` is one that took it over from this one. */
function anotherMachine(sandbox: Sandbox, met = false): void {
  const place = join(sandbox.state, 'identity.json')
  const { machine, ...rest } = decode<{ machine: string }>('identity', readFileSync(place, 'utf8'))
  writeFileSync(place, encode({ ...rest, machine: 'f'.repeat(32), others: met ? [machine] : [] }))
}

interface Known {
  readonly applied: unknown
  readonly drift: readonly { readonly path: string }[]
  readonly refused: readonly unknown[]
}

async function known(sandbox: Sandbox): Promise<Known | undefined> {
  const { stdout } = await sandbox.gitops(['status', '--json'])
  return (JSON.parse(stdout) as { sources: Known[] }).sources[0]
}

test('a home that is found on another machine stays ours, with what stood there before us, its drift and what is refused', async ({
  sandbox,
}) => {
  sandbox.write(sandbox.home, { '.claude/a': 'original' })
  sandbox.commit({ '.claude/a': 'one', '.claude/b': 'one', '.claude/c': 'one' })
  const checked = DEFAULT_CONFIG(
    sandbox.remote,
    `checks: { smoke: [{ name: 'old', run: 'grep -q one ~/.claude/c' }] }, retry: { attempts: 1 }`,
  )
  sandbox.config(checked)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const bad = sandbox.commit({ '.claude/c': 'bad' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  anotherMachine(sandbox)
  sandbox.write(sandbox.home, { '.claude/b': 'edited' })
  const [path, state] = [join(sandbox.home, '.claude/b'), sandbox.tree(sandbox.state)]
  expect(await known(sandbox)).toMatchObject({ applied: { generation: 1 }, drift: [{ path }], refused: [{ commit: bad, held: true }] })
  expect(sandbox.tree(sandbox.state)).toEqual(state)

  const ran = await sandbox.gitops(['reconcile'])
  expect([ran.code, ran.said]).toEqual([5, expect.stringContaining('is held')])
  expect(ran.said).toContain('written on another machine: 2 of 3 files are as it tells, so all of it stays ours, and the others are drift')
  expect(live(sandbox)).toEqual({ a: '644 one', b: '644 one', c: '644 one' })
  expect((await sandbox.gitops(['audit', '--type', 'another-machine', '--json'])).stdout).toContain('2 of 3 files are as it tells')
  // Two machines that take turns in one home are told of once.
  for (let turn = 0; turn < 2; turn += 1) {
    anotherMachine(sandbox, true)
    const again = await sandbox.gitops(['reconcile'])
    expect([again.code, again.said]).toEqual([5, expect.not.stringContaining('another machine')])
  }
  anotherMachine(sandbox)
  expect((await sandbox.gitops(['uninstall', '--yes'])).code).toBe(0)
  expect(live(sandbox)).toEqual({ a: '644 original' })
})

test('where the live files are not those that another machine tells of, none of them is lost, and those that are as told stay ours', async ({
  sandbox,
}) => {
  sandbox.write(sandbox.home, { '.claude/a': 'original' })
  sandbox.commit({ '.claude/a': 'one', '.claude/b': 'one', '.claude/c': 'one', '.claude/gone': 'one', '.claude/doc.json': '{"ours":1}' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  anotherMachine(sandbox)
  rmSync(join(sandbox.home, '.claude/b'))
  sandbox.write(sandbox.home, { '.claude/a': 'mine', '.claude/gone': 'mine', '.claude/doc.json': '{"mine":1}' })
  sandbox.commit({ '.claude/gone': null })
  expect(await known(sandbox)).toMatchObject({ applied: null, drift: [] })
  const refused = await sandbox.gitops(['reconcile'])
  expect([refused.code, refused.said]).toEqual([5, expect.stringContaining('1 of 5 files are as it tells and stay ours')])
  expect(refused.said).toContain('holds the key "mine", which the source lacks')

  sandbox.write(sandbox.home, { '.claude/doc.json': '{"ours":1}' })
  const ran = await sandbox.gitops(['reconcile'])
  expect([ran.code, ran.said]).toEqual([0, expect.stringContaining('1 created, 1 updated')])
  expect(ran.said).not.toContain('another machine')
  expect(live(sandbox)).toEqual({ a: '644 one', b: '644 one', c: '644 one', gone: '644 mine', 'doc.json': '644 {"ours":1}' })
  // What stood there on the other machine is still to be had.
  const kept = (await sandbox.gitops(['kept'])).stdout.split('\n').filter((line) => line.includes('.claude/a'))
  const texts = await Promise.all(kept.map(async (line) => (await sandbox.gitops(['kept', /[0-9a-f]{12}/.exec(line)?.[0] ?? ''])).stdout))
  expect(texts.toSorted()).toEqual(['mine', 'original'])
  expect((await sandbox.gitops(['uninstall', '--yes'])).code).toBe(0)
  expect(live(sandbox)).toEqual({ a: '644 mine', gone: '644 mine', 'doc.json': '644 {"ours":1}' })
})

test('what a killed run left half done is undone on another machine, and all that was ours stays so', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'original' })
  const files = (text: string): Record<string, string> => Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`.claude/${name}`, text]))
  sandbox.commit(files('one'))
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit(files('two'))
  expect((await atMoment(sandbox, ['reconcile'], { call: 'renameSync', at: '.claude/c', meanwhile: 'true', dies: true })).code).toBe(128)
  expect(live(sandbox)).toMatchObject({ a: '644 two', b: '644 two', c: '644 two' })
  anotherMachine(sandbox)
  expect((await sandbox.gitops(['status'])).said).toContain('killed half-way')
  const ran = await sandbox.gitops(['reconcile'])
  expect([ran.code, ran.said]).toEqual([0, expect.stringContaining('half done and is undone')])
  expect(ran.said).toContain('what is live is as it tells, and stays ours')
  expect((await sandbox.gitops(['uninstall', '--yes'])).code).toBe(0)
  expect(live(sandbox)).toEqual({ a: '644 original' })
})
