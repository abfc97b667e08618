import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { propertySeed } from '../support/random.ts'
import { test, type Sandbox } from '../support/sandbox.ts'
import { digestOf } from '../../lib/host/hash.ts'

const POLICIES = ['heal', 'keep', 'refuse', 'leave', 'replace'] as const
/** What somebody does to a file of ours; each that writes gives what it wrote. */
const EDITS: Readonly<Record<string, (path: string, mine: string) => string[]>> = {
  nothing: () => [],
  edit: (path, mine) => (writeFileSync(path, mine), [mine]),
  delete: (path) => (rmSync(path), []),
  chmod: (path) => (chmodSync(path, 0o755), []),
  link: (path, mine) => (rmSync(path), symlinkSync(mine, path), [mine]),
  directory: (path) => (rmSync(path), mkdirSync(path), []),
  full: (path, mine) => (rmSync(path), mkdirSync(path), writeFileSync(`${path}/mine`, mine), [mine]),
}
/** What the next commit does to a file. */
const COMMITS: readonly ((path: string) => Record<string, string | null>)[] = [
  () => ({}),
  (path) => ({ [path]: 'news' }),
  (path) => ({ [path]: null }),
  (path) => ({ [path]: null, [`${path}/inner`]: 'news' }),
]
/** So many files a policy: each edit before each commit, once in a target that nothing keeps from going on, once among conflicts. */
const CASES = Object.keys(EDITS).flatMap((edit) => COMMITS.map((_, commit) => ({ edit, commit, path: `${edit}-${commit}/f` })))
const clashes = ({ edit, commit }: (typeof CASES)[0]): boolean => edit === 'full' || (commit === 3 && (edit === 'edit' || edit === 'link'))

function isSomewhere(sandbox: Sandbox, mine: string, live: ReadonlySet<string>): boolean {
  const name = digestOf(Buffer.from(mine)).replace('sha256:', '')
  return live.has(mine) || existsSync(join(sandbox.state, 'kept', name.slice(0, 2), name.slice(2)))
}

/** The content of every live file, and the text of every link. */
function contents(sandbox: Sandbox): Set<string> {
  return new Set(Object.values(sandbox.tree(join(sandbox.home, 'live'))).map((known) => known.slice(known.indexOf(' ') + 1)))
}

test('whatever a person has written stays live or is kept, under each policy, before each next commit', async ({ sandbox }) => {
  // Two of each policy: one in which nothing stands in the way of a revision.
  const targets = POLICIES.flatMap((policy) => [
    { name: policy, cases: CASES.filter((known) => !clashes(known)) },
    { name: `${policy}-clash`, cases: CASES },
  ])
  const option = (name: string): string => {
    const policy = name.replace('-clash', '')
    return policy === 'leave' || policy === 'replace' ? `adopt: '${policy}'` : `onDrift: '${policy}'`
  }
  sandbox.config(`{
    name: 'story',
    sources: { ${targets.map(({ name }) => `'${name}': { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }`).join(', ')} },
    targets: { ${targets
      .map(
        ({ name }) =>
          `'${name}': { source: '${name}', from: 'all', to: '~/live/${name}', ${
            name.endsWith('clash')
              ? ''
              : `exclude: [${CASES.filter(clashes)
                  .map(({ path }) => `'${path}'`)
                  .join(', ')}], `
          }${option(name)} }`,
      )
      .join(', ')} },
  }`)
  sandbox.commit(Object.fromEntries(CASES.map(({ path }) => [`all/${path}`, 'ours'])))
  const written: string[] = []
  for (const { name, cases } of targets)
    for (const { edit, path } of cases) {
      const full = join(sandbox.home, 'live', name, path)
      // What was there before us, for the two words of `adopt`.
      if (name.startsWith('leave') || name.startsWith('replace')) {
        mkdirSync(join(full, '..'), { recursive: true })
        writeFileSync(full, 'before us')
        written.push(...(EDITS[edit]?.(full, `mine-${propertySeed}-${name}-${path.replace('/', '-')}`) ?? []))
      }
    }
  const all = async (...args: string[]): Promise<void> => {
    const ran = await sandbox.gitops(['reconcile', ...args])
    expect([0, 5], ran.said).toContain(ran.code)
    const live = contents(sandbox)
    expect(written.filter((mine) => !isSomewhere(sandbox, mine, live))).toEqual([])
  }
  await all()
  for (const { name, cases } of targets)
    for (const { edit, path } of cases) {
      const full = join(sandbox.home, 'live', name, path)
      if (['heal', 'keep', 'refuse'].some((policy) => name.startsWith(policy)))
        written.push(...(EDITS[edit]?.(full, `mine-${propertySeed}-${name}-${path.replace('/', '-')}`) ?? []))
    }
  expect(written.length).toBeGreaterThan(80)
  const news = CASES.flatMap(({ commit, path }) => Object.entries(COMMITS[commit]?.(`all/${path}`) ?? {}))
  sandbox.commit(Object.fromEntries(news.filter(([, text]) => text === null)) as never)
  sandbox.commit(Object.fromEntries(news.filter(([, text]) => text !== null)) as never)
  await all()
  await all()
  await all('--heal', '--allow-shrink')
  // Where nothing stood in the way the source has its will in the end, and kept is not empty.
  expect(sandbox.tree(join(sandbox.home, 'live/heal'))).toMatchObject({ 'edit-1/f': '644 news', 'link-0/f': '644 ours' })
  expect(Object.keys(sandbox.tree(join(sandbox.home, 'live/keep')))).not.toContain('edit-2/f/inner')
})
