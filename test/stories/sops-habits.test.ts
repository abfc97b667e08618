import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

async function begun(sandbox: Sandbox): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, {
    'a.yaml': await sops(me, 'token: s3cret\n', { format: 'yaml' }),
    '.sops.yaml': `creation_rules:\n  - age: ${me.recipient}\n`,
  })
}

test('whoever types as for sops is told the command that does it here', async ({ sandbox }) => {
  await begun(sandbox)
  for (const [args, hint] of [
    [['-d', 'a.yaml'], '`sops -d` is `gitops decrypt` here.'],
    [['-e', '-i', 'a.yaml'], '`sops -e` is `gitops encrypt` here.'],
    [['--decrypt'], '`sops --decrypt` is `gitops decrypt` here.'],
    [['a.yaml'], 'To change that file: `gitops edit a.yaml`. To print it: `gitops decrypt a.yaml`.'],
    [['updatekeys', 'a.yaml'], 'Change .sops.yaml, and `gitops rotate -i FILE` gives the file'],
    [['nosuch'], '`gitops --help` tells what there is.'],
    [['decrypt', '-d', 'a.yaml'], '`gitops --help` tells what there is.'],
    [['--set', '["token"] "n3w-canary"', 'a.yaml'], '`sops --set` is `gitops set` here.'],
    [['set', 'a.yaml', '/token', 'n3w-canary'], 'The value never stands in the command line'],
  ] as const) {
    const ran = await sandbox.gitops(args)
    expect([ran.code, ran.stdout], args.join(' ')).toEqual([2, ''])
    expect(ran.stderr).toContain(hint)
    expect(ran.stderr.match(/n3w-canary.*/)?.[0] ?? '', args.join(' ')).toBe('')
  }
})

test('what is wrong is told with a way out that is a command of gitops', async ({ sandbox }) => {
  await begun(sandbox)
  sandbox.write(sandbox.site, { 'list.json': '[1, "s3cret"]\n', 'broken.json': '[1, "s3cret"\n' })
  const list = await sandbox.gitops(['encrypt', 'list.json'])
  expect([list.code, list.stderr]).toEqual([1, expect.stringMatching(/is valid JSON, but no object.*\n.*--input-type binary/)])
  expect((await sandbox.gitops(['encrypt', '--input-type', 'binary', 'list.json'])).code).toBe(0)
  expect((await sandbox.gitops(['encrypt', 'broken.json'])).stderr).toContain('is not valid JSON')
  const unset = await sandbox.gitops(['unset', 'a.yaml', '/nothing'])
  expect([unset.code, unset.stderr]).toEqual([91, expect.stringMatching(/has nothing at \S+\n$/)])
  expect((await sandbox.gitops(['encrypt', '-i', 'a.yaml'])).stderr).toMatch(/is encrypted already.*\n.*`gitops edit` or `gitops set`/)
})
