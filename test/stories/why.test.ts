import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'vitest'
import { newIdentity } from '../../lib/secrets/age.ts'
import { CLI, test } from '../support/sandbox.ts'

const PLAIN = '{\n\t"token": "s3cret-canary"\n}\n'

test('gitops why says which rule it is and why, whom it names, and what comes too late, without any key and before the file is there', async ({
  sandbox,
}) => {
  const [one, two] = [(await newIdentity()).recipient, (await newIdentity()).recipient]
  sandbox.write(sandbox.site, {
    '.sops.yaml': `creation_rules:
  - path_regex: ^nothing$
    age: ${two}
  - path_regex: ^team/.*\\.enc$
    encrypted_regex: ^token$
    shamir_threshold: 2
    key_groups:
      - age: ['${one}']
      - age: ['${two}']
  - age: ${one}
  - path_regex: team
    pgp: ABC
`,
  })
  const ran = await sandbox.gitops(['why', 'team/a.json.enc'])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  expect(ran.stdout.replaceAll(sandbox.site, 'SITE').replaceAll(one, 'ONE').replaceAll(two, 'TWO')).toBe(`SITE/team/a.json.enc
  rules       SITE/.sops.yaml
  rule        2 (line 4): ^team/.*\\.enc$ matches team/a.json.enc
              3 (line 10) matches as well, and its turn never comes
              4 (line 11) matches as well, and its turn never comes
  recipients  keys of 2 of 2 groups
              group 1  ONE
              group 2  TWO
  selector    encrypted_regex: ^token$
  format      json
  file        in clear, or not there
`)
  const many = await sandbox.gitops(['why', '--json', 'team/a.json.enc', 'other.yaml', join(sandbox.root, 'elsewhere')])
  expect(many.code).toBe(0)
  const said = many.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  expect(said).toMatchObject([
    { chosen: { rule: { number: 2, line: 4 }, path: 'team/a.json.enc', terms: { threshold: 2 } }, problem: null, encrypted: null },
    { chosen: { rule: { number: 3, line: 10, pathRegex: null } }, format: 'yaml' },
    { chosen: { path: join(sandbox.root, 'elsewhere') }, format: 'binary' },
  ])
})

test('a recipient that somebody put into a file is told loudly, and so is whatever else is not as the rule says', async ({ sandbox }) => {
  const { identity, recipient: me } = await newIdentity()
  const [friend, mallory] = [(await newIdentity()).recipient, (await newIdentity()).recipient]
  sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': identity.text() })
  sandbox.write(sandbox.site, { 'a.json': PLAIN, '.sops.yaml': `creation_rules:\n  - age: ${me},${friend}\n` })
  expect((await sandbox.gitops(['encrypt', 'a.json', '-o', 'a.enc.json', '--age', `${me},${mallory}`])).code).toBe(0)
  const told = await sandbox.gitops(['why', 'a.enc.json'])
  expect(told.code).toBe(1)
  expect(told.stdout).toContain(`INJECTED    ${mallory} is a recipient of the file, and the rule does not name it`)
  expect(told.stdout).toContain(`DIFFERS     ${friend} is named by the rule, and cannot open the file`)
  // The way out that it names leads out.
  const wayOut = /gitops (rotate .*)/.exec(told.stdout)?.[1] ?? ''
  expect((await sandbox.gitops(wayOut.replaceAll("'", '').split(' '))).code).toBe(0)
  const after = await sandbox.gitops(['why', 'a.enc.json'])
  expect([after.code, after.stdout]).toEqual([0, expect.not.stringContaining('DIFFERS')])
})

test('why tells what is wrong: no rules, a rule that cannot be used here, rules that are no rules', async ({ sandbox }) => {
  const why = async (text: string | null): Promise<string> => {
    sandbox.write(sandbox.site, text === null ? { '.sops.yml': '' } : { '.sops.yaml': text })
    const ran = await sandbox.gitops(['why', 'a.json'])
    expect(ran.code, ran.said).toBe(1)
    return ran.said
  }
  expect(await why(null)).toMatch(/PROBLEM.*no \.sops\.yaml/)
  expect(await why('creation_rules:\n  - path_regex: x\n')).toMatch(/PROBLEM.*no creation rule that matches a\.json/)
  expect(await why('creation_rules:\n  - pgp: ABC\n')).toMatch(/other keys +pgp[\s\S]*PROBLEM.*pgp/)
  expect(await why("creation_rules:\n  - path_regex: '('\n")).toMatch(/^gitops: .*\.sops\.yaml cannot be used: creation rule 1/)
})

test('filestatus says for one file what sops says, and for many whose it is, and needs no key', async ({ sandbox }) => {
  const { recipient } = await newIdentity()
  sandbox.write(sandbox.site, { 'a.json': PLAIN, 'b.txt': 'neither JSON nor YAML: [', 'c.yaml': 'sops: mine\n' })
  expect((await sandbox.gitops(['encrypt', 'a.json', '-o', 'a.enc', '--age', recipient, '--output-type', 'binary'])).code).toBe(0)
  const one = await sandbox.gitops(['filestatus', 'a.enc'])
  expect([one.code, one.said]).toEqual([0, '{"encrypted":true}\n'])
  const many = await sandbox.gitops(['filestatus', 'a.json', 'a.enc', 'nosuch', 'b.txt', 'c.yaml'])
  expect([many.code, many.stderr]).toEqual([100, expect.stringContaining('nosuch')])
  expect(many.stdout.trim().split('\n')).toEqual([
    `{"encrypted":false,"file":"${sandbox.site}/a.json"}`,
    `{"encrypted":true,"file":"${sandbox.site}/a.enc"}`,
    `{"encrypted":false,"file":"${sandbox.site}/b.txt"}`,
    `{"encrypted":false,"file":"${sandbox.site}/c.yaml"}`,
  ])
})

test('why names the command that makes a file as its rule says, and it does, for a recipient as for a selector', async ({ sandbox }) => {
  const [{ identity, recipient: me }, { recipient: friend }] = [await newIdentity(), await newIdentity()]
  sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': identity.text() })
  const rule = (text: string): void => sandbox.write(sandbox.site, { '.sops.yaml': `creation_rules:\n  - ${text}\n` })
  rule(`age: ${me}`)
  sandbox.write(sandbox.site, { 'a b.json': PLAIN, 'c.json': PLAIN })
  expect((await sandbox.gitops(['encrypt', '-i', 'a b.json'])).code).toBe(0)
  expect((await sandbox.gitops(['encrypt', 'c.json', '-o', 'c.enc', '--output-type', 'json'])).code).toBe(0)
  for (const [name, text, verb] of [
    ['a b.json', `age: ${me},${friend}`, 'rotate'],
    ['c.enc', `age: ${me}\n    encrypted_regex: ^token$`, 'encrypt'],
  ] as const) {
    rule(text)
    const told = await sandbox.gitops(['why', name])
    const command = / {14}(gitops .*)/.exec(told.stdout)?.[1] ?? ''
    expect([told.code, command], told.stdout).toEqual([1, expect.stringContaining(`gitops ${verb} `)])
    const line = command.replaceAll('gitops ', `'${process.execPath}' '${CLI}' `)
    execFileSync('sh', ['-c', line], { cwd: sandbox.site, env: sandbox.env, stdio: 'pipe' })
    const after = await sandbox.gitops(['why', name])
    expect([after.code, after.said], after.said).toEqual([0, expect.not.stringContaining('DIFFERS')])
    expect((await sandbox.gitops(['decrypt', name])).stdout).toBe(PLAIN)
  }
})

test('a key of a rule that SOPS does not know is told by why and by encrypt, and nothing is refused for it', async ({ sandbox }) => {
  const { recipient: me } = await newIdentity()
  sandbox.write(sandbox.site, {
    'a.json': PLAIN,
    '.sops.yaml': `creation_rules:\n  - path_regx: x\n    encrypted_regexp: ^no$\n    age: ${me}\n  - age: ${me}\n    aws_profile: x\n`,
  })
  const sentence = 'creation rule 1 (line 2) has path_regx, encrypted_regexp, which SOPS passes over: is it misspelt?'
  const why = await sandbox.gitops(['why', 'a.json'])
  expect([why.code, why.stdout]).toEqual([0, expect.stringContaining(sentence)])
  const ran = await sandbox.gitops(['encrypt', 'a.json'])
  expect([ran.code, ran.stderr]).toEqual([0, `gitops: ${join(sandbox.site, '.sops.yaml')}: ${sentence}\n`])
})
