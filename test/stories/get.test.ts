import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parsePointer } from '../../lib/model/pointer.ts'
import { parseIdentities } from '../../lib/secrets/age.ts'
import { faultKind } from '../../lib/secrets/fault.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { test } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const YAML = `first:\n    "0": zero\n    list:\n        - a\n        - - 1\n          - 2\n        - key: |\n            two\n            lines\n\nint: 9223372036854775807\nfloat: 1.5\nyes: true\nnothing: null\nempty: ""\n"a/b~c[d": strange\ntext: plain\nnone: []\n`
const JSON_TEXT =
  '{"first": {"0": "zero", "list": ["a", [1, 2], {"key": "x"}]}, "int": 9223372036854775807, "float": 1.5, "yes": true, "nothing": null, "empty": "", "text": "pl<ain", "none": []}'
const PLACES = [
  '["first"]["0"]',
  '["first"]',
  '["first"]["list"]',
  '["first"]["list"][1]',
  '["first"]["list"][1][0]',
  '["first"]["list"][2]["key"]',
  "['int']",
  '["float"]',
  '["yes"]',
  '["nothing"]',
  '["empty"]',
  '["text"]',
  '["none"]',
]

/** As the command does it, without its process. */
async function extracted(file: string | Buffer, path: string, identity: string): Promise<string> {
  const pointer = parsePointer(path)
  if (pointer === null) return 'no path'
  return (await decryptSops(Buffer.from(file as string), await parseIdentities(identity, 'test'), { extract: pointer })).plaintext.text()
}

test('a value comes as it is, in brackets or as a JSON pointer, and a place that is not there ends with 91', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const file = await sops(me, YAML, { format: 'yaml' })
  sandbox.write(sandbox.site, { 'a.yaml': file })
  for (const [path, value] of [
    ['["int"]', '9223372036854775807\n'],
    ['/int', '9223372036854775807\n'],
    ['/first/0', 'zero'],
    ['/first/list/2/key', 'two\nlines\n'],
    ['["first"]["list"][0]', 'a'],
    ['/a~1b~0c[d', 'strange'],
    ['["a/b~c[d"]', 'strange'],
  ] as const) {
    expect([path, await extracted(file, path, me.identity)]).toEqual([path, value])
  }
  for (const path of ['/nosuch', '/first/list/3', '/first/list/a', '/text/0', '["first"][0]']) {
    expect(faultKind(await extracted(file, path, me.identity).catch((error: unknown) => error)), path).toBe('no-path')
  }
  for (const path of ['int', '["int"', '[-1]', '/a~2', '["first"]x', '["a"] ["b"]', '["a\']']) expect(parsePointer(path), path).toBeNull()
  expect((await sandbox.gitops(['get', 'a.yaml', '/first/list/2/key'])).said).toBe('two\nlines\n')
  for (const path of ['/nosuch', 'int']) {
    const ran = await sandbox.gitops(['get', 'a.yaml', path])
    expect([path, ran.code, ran.stdout]).toEqual([path, 91, ''])
    expect(ran.stderr).toMatch(/^gitops: .+\n/)
  }
  expect((await sandbox.gitops(['decrypt', '--extract', '["nosuch"]', 'a.yaml'])).code).toBe(1)
})

test('what decrypt --extract prints is what sops prints, byte for byte', async ({ sandbox, skip }) => {
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  const me = await member()
  const env = { ...sandbox.env, SOPS_AGE_KEY: me.identity }
  for (const [name, text] of [
    ['a.yaml', YAML],
    ['a.json', JSON_TEXT],
  ] as const) {
    sandbox.write(sandbox.site, { [name]: text })
    const real = (...args: string[]): string => spawnSync(SOPS, args, { cwd: sandbox.site, env, encoding: 'utf8' }).stdout
    real('encrypt', '-i', '--age', me.recipient, name)
    for (const place of PLACES) {
      const ours = await extracted(readFileSync(join(sandbox.site, name)), place, me.identity)
      // Ours leaves `<`, `>` and `&` in JSON as they are.
      const theirs = real('decrypt', '--extract', place, name).replaceAll('\\u003c', '<')
      expect([name, place, ours.replaceAll('\\u003c', '<')]).toEqual([name, place, theirs])
    }
  }
})

test('--ignore-mac decrypts what was changed around the encrypted values, and only with it', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const file = await sops(me, { secret: 'x', name: 'team' }, { rule: { kind: 'encrypted_regex', pattern: '^secret$' } })
  sandbox.write(sandbox.site, { 'a.json': file.replace('team', 'mine') })
  expect((await sandbox.gitops(['decrypt', 'a.json'])).code).toBe(51)
  expect((await sandbox.gitops(['decrypt', '--ignore-mac', 'a.json'])).stdout).toContain('mine')
  expect((await sandbox.gitops(['decrypt', '--input-type', 'binary', 'a.json'])).code).not.toBe(0)
  expect((await sandbox.gitops(['decrypt', '--input-type', 'toml', 'a.json'])).code).toBe(2)
})
