import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

async function done(sandbox: Sandbox, ...args: string[]): Promise<string> {
  const ran = await sandbox.gitops(args)
  expect(ran.code, ran.said).toBe(0)
  return ran.stdout
}

const WITHOUT = (sandbox: Sandbox): string =>
  DEFAULT_CONFIG(sandbox.remote).replace(
    "claude: { source: 'team', from: '.claude', to: '~/.claude' }",
    "other: { source: 'team', from: 'other', to: '~/other' }",
  )

/** Everything that `gitops kept` lists and prints. */
async function keptTexts(sandbox: Sandbox): Promise<string[]> {
  const names = (await done(sandbox, 'kept')).split('\n').flatMap((line) => line.split('  ')[0] || [])
  return Promise.all(names.map((name) => done(sandbox, 'kept', name)))
}

/** A file of ours that a person has edited, and a reconcile that has healed it. */
async function edited(sandbox: Sandbox, history = ''): Promise<void> {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, history))
  sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'ours' })
  await done(sandbox, 'reconcile')
  sandbox.write(sandbox.home, { '.claude/a': 'edited by a person' })
  await done(sandbox, 'reconcile')
}

async function commits(sandbox: Sandbox, many: number): Promise<void> {
  for (let n = 1; n <= many; n++) {
    sandbox.commit({ '.claude/b': `ours ${n}` })
    await done(sandbox, 'reconcile')
  }
}

test('the copy of an edit stays when its generation is one too many, however often something else is healed', async ({ sandbox }) => {
  await edited(sandbox, 'history: { generations: 2 },')
  for (const text of ['an application', 'an application again']) {
    sandbox.write(sandbox.home, { '.claude/b': text })
    await done(sandbox, 'reconcile')
  }
  expect(existsSync(join(sandbox.state, 'generations/2.json'))).toBe(false)
  expect(await keptTexts(sandbox)).toContain('edited by a person')
  expect(readFileSync(join(sandbox.state, 'kept.txt'), 'utf8')).toMatch(/^\S+ {2}[0-9a-f]{64} {2}".*\/\.claude\/a"$/m)
})

test('what an uninstall has promised outlives a reinstall, the collection of generations, and the next uninstall', async ({ sandbox }) => {
  await edited(sandbox, 'history: { generations: 2 },')
  await done(sandbox, 'uninstall', '--yes')
  await done(sandbox, 'reconcile')
  expect(await keptTexts(sandbox)).toEqual(['edited by a person'])
  await commits(sandbox, 4)
  expect(await keptTexts(sandbox)).toEqual(['edited by a person'])
  await done(sandbox, 'uninstall', '--yes')
  expect(await keptTexts(sandbox)).toEqual(['edited by a person'])
  await done(sandbox, 'uninstall', '--yes', '--purge')
  expect(existsSync(sandbox.state)).toBe(false)
})

test('a list of an earlier version, with short names and a remark, still holds its copies', async ({ sandbox }) => {
  await edited(sandbox, 'history: { generations: 2 },')
  await done(sandbox, 'uninstall', '--yes')
  const list = join(sandbox.state, 'kept.txt')
  writeFileSync(list, `a remark\n${readFileSync(list, 'utf8').replace(/ {2}([0-9a-f]{12})[0-9a-f]{52} {2}/g, '  $1  ')}`)
  await commits(sandbox, 4)
  expect(await keptTexts(sandbox)).toEqual(['edited by a person'])
  expect(readFileSync(list, 'utf8')).toContain('a remark\n')
})

for (const [how, leave] of [
  ['an uninstall', async (sandbox) => done(sandbox, 'uninstall', '--yes')],
  ['leaving the config', async (sandbox) => (sandbox.config(WITHOUT(sandbox)), done(sandbox, 'reconcile'))],
] as [string, (sandbox: Sandbox) => Promise<string>][])
  test(`with onRemove leave, what was there before us is not lost by ${how}: it stays as a copy`, async ({ sandbox }) => {
    // It was equal to ours at first, so that no generation has a copy of it.
    sandbox.write(sandbox.home, { '.claude/a': 'first' })
    sandbox.commit({ '.claude/a': 'first', 'other/x': 'x' })
    sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace("to: '~/.claude'", "to: '~/.claude', onRemove: 'leave'"))
    await done(sandbox, 'reconcile')
    sandbox.commit({ '.claude/a': 'second' })
    await done(sandbox, 'reconcile')
    const said = await leave(sandbox)
    if (how === 'an uninstall') {
      expect(said).toContain(`claude  left as it is, in ${join(sandbox.home, '.claude')}`)
      expect(said).toContain('Uninstalled: what was there before us is back, but for claude: left as declared.')
    }
    expect(sandbox.live('.claude/a')).toBe('second')
    expect(await keptTexts(sandbox)).toEqual(['first'])
  })

test('whatever an uninstall had removed when it was killed, the next one keeps the copies', async ({ sandbox }) => {
  await edited(sandbox)
  await done(sandbox, 'uninstall', '--yes')
  const list = readFileSync(join(sandbox.state, 'kept.txt'), 'utf8')
  // Half a state: the list was written first, and some of the rest is still there.
  mkdirSync(join(sandbox.state, 'generations'))
  writeFileSync(join(sandbox.state, 'conditions.json'), '{}')
  await done(sandbox, 'uninstall', '--yes')
  expect(readFileSync(join(sandbox.state, 'kept.txt'), 'utf8')).toBe(list)
  expect(await keptTexts(sandbox)).toEqual(['edited by a person'])
})

test('a state that was set aside stays after an uninstall with every copy that it names, and only --purge removes it', async ({
  sandbox,
}) => {
  sandbox.write(sandbox.home, { '.claude/b': 'before us' })
  await edited(sandbox, 'history: { generations: 2 },')
  // As a run on another machine does it with a home that has moved there.
  for (const name of ['inventory.json', 'generations', 'copies'])
    renameSync(join(sandbox.state, name), join(sandbox.state, `${name}.from-12345678-1`))
  await commits(sandbox, 4)
  const said = await done(sandbox, 'uninstall', '--yes')
  expect(said).toContain('An earlier state was set aside')
  expect(said).toContain(join(sandbox.state, 'inventory.json.from-12345678-1'))
  const { originals } = JSON.parse(readFileSync(join(sandbox.state, 'inventory.json.from-12345678-1'), 'utf8')) as {
    originals: Record<string, { digest: string }>
  }
  const { digest = '' } = originals[join(sandbox.home, '.claude/b')] ?? {}
  expect(await done(sandbox, 'kept', digest.slice('sha256:'.length))).toBe('before us')
  const texts = readdirSync(join(sandbox.state, 'kept'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
  expect(texts).toContain('edited by a person')
  await done(sandbox, 'uninstall', '--yes', '--purge')
  expect(existsSync(sandbox.state)).toBe(false)
})
