import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const YAML = '# the team\nname: team\n\nport: 80\nlist:\n    - a\n    - b\nkeys:\n    token: s3cret\n'

interface Ended {
  readonly code: number | null
  readonly said: string
}

/** Runs a command with something on standard input. */
function gitops(sandbox: Sandbox, input: string | Buffer, ...args: string[]): Ended {
  const ran = spawnSync(process.execPath, [CLI, ...args], { cwd: sandbox.site, env: sandbox.env, input })
  return { code: ran.status, said: ran.stdout.toString() + ran.stderr.toString() }
}

const read = (sandbox: Sandbox, name: string): string => readFileSync(join(sandbox.site, name), 'utf8')

/** The lines of a file that a change has touched, by the first word on them. */
function touched(before: string, after: string): string[] {
  const [old, now] = [new Set(before.split('\n')), after.split('\n')]
  return now.filter((line) => !old.has(line)).map((line) => line.trim().split(/[\s:]/)[0] ?? '')
}

async function encrypted(sandbox: Sandbox): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, { 'a.yaml': { text: await sops(me, YAML, { format: 'yaml', now: new Date('2026-01-01') }), mode: 0o640 } })
}

test('set changes one value and unset removes one; only its line, the MAC and the time change in the file', async ({ sandbox }) => {
  await encrypted(sandbox)
  const start = read(sandbox, 'a.yaml')
  expect(gitops(sandbox, 'n3w\n', 'set', 'a.yaml', '["keys"]["token"]')).toEqual({ code: 0, said: '' })
  const second = read(sandbox, 'a.yaml')
  expect(touched(start, second)).toEqual(['token', 'lastmodified', 'mac'])
  expect(statSync(join(sandbox.site, 'a.yaml')).mode & 0o777).toBe(0o640)
  expect(gitops(sandbox, '8080', 'set', '--json', 'a.yaml', '/port')).toEqual({ code: 0, said: '' })
  expect(gitops(sandbox, '{"deep": [true, 1.5]}', 'set', '--json', 'a.yaml', '/new')).toEqual({ code: 0, said: '' })
  expect(gitops(sandbox, '', 'unset', 'a.yaml', '/list/0')).toEqual({ code: 0, said: '' })
  expect(gitops(sandbox, 'one\ntwo\n', 'set', 'a.yaml', '/list/-')).toEqual({ code: 0, said: '' })
  expect(gitops(sandbox, '', 'decrypt', 'a.yaml').said).toBe(
    '# the team\nname: team\n\nport: 8080\nlist:\n    - b\n    - |\n      one\n      two\nkeys:\n    token: n3w\nnew:\n    deep:\n        - true\n        - 1.5\n',
  )
})

test('what is so already is not written, and a refused change leaves the file and says nothing of the value', async ({ sandbox }) => {
  await encrypted(sandbox)
  const before = read(sandbox, 'a.yaml')
  const inode = statSync(join(sandbox.site, 'a.yaml')).ino
  expect(gitops(sandbox, 's3cret', 'set', 'a.yaml', '/keys/token')).toEqual({ code: 0, said: '' })
  expect(statSync(join(sandbox.site, 'a.yaml')).ino).toBe(inode)
  for (const [code, input, ...args] of [
    [91, 'n3w', 'set', 'a.yaml', '/keys/token/deeper'],
    [91, 'n3w', 'set', 'a.yaml', 'keys'],
    [91, '', 'unset', 'a.yaml', '/nosuch'],
    [5, 'n3w', 'set', '--json', 'a.yaml', '/keys/token'],
    [5, '9223372036854775808', 'set', '--json', 'a.yaml', '/port'],
    [8, 'n3w', 'set', '-', '/port'],
    [2, 'n3w', 'set', 'a.yaml', '/port', 'n3w'],
    [203, 'n3w', 'set', 'a.yaml', '/sops'],
    [203, 'n3w', 'set', 'a.yaml', '/sops/mac'],
    [203, '', 'unset', 'a.yaml', '/sops'],
    [2, '', 'set', 'a.yaml', '/port'],
    [2, '\n', 'set', 'a.yaml', '/port'],
  ] as const) {
    const ran = gitops(sandbox, input, ...args)
    expect([args, ran.code], ran.said).toEqual([args, code])
    expect(ran.said).toMatch(/^gitops: .+\n/)
    expect(ran.said).not.toMatch(/n3w|s3cret|9223372036854775808/)
  }
  expect(gitops(sandbox, Buffer.from([0xff, 0xfe]), 'set', 'a.yaml', '/port').code).toBe(2)
  expect(read(sandbox, 'a.yaml')).toBe(before)
})

test('an empty value is set only when --json says so, and what SOPS keeps for itself is told apart', async ({ sandbox }) => {
  await encrypted(sandbox)
  expect(gitops(sandbox, '', 'set', 'a.yaml', '/port').said).toMatch(/^gitops: there is no value on standard input\n.*'""'.*--json/)
  expect(gitops(sandbox, '""', 'set', '--json', 'a.yaml', '/port')).toEqual({ code: 0, said: '' })
  expect(gitops(sandbox, '', 'get', 'a.yaml', '/port')).toEqual({ code: 0, said: '' })
  const me = await member()
  trust(sandbox, me)
  for (const [format, plain, place] of [
    ['json', '{"a": 1}', '/sops/mac'],
    ['yaml', 'a: 1\n', '["sops"]'],
    ['dotenv', 'A=1\n', '/sops_mac'],
    ['ini', '[a]\nb = 1\n', '/sops/mac'],
  ] as const) {
    sandbox.write(sandbox.site, { file: await sops(me, plain, { format }) })
    const { code, said } = gitops(sandbox, 'n3w', 'set', 'file', place)
    expect([code, said], format).toEqual([203, expect.stringMatching(/file keeps .*"sops.* for SOPS itself/)])
  }
})

test('behind the last of a list that is not there a list begins', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  for (const [format, plain, after] of [
    ['json', '{"a": 1}', '{"a": 1, "new": {"list": ["x","y"], "-": "z"}}'],
    ['yaml', 'a: 1\n', 'a: 1\nnew:\n    list:\n        - x\n        - "y"\n    "-": z\n'],
  ] as const) {
    sandbox.write(sandbox.site, { file: await sops(me, plain, { format }) })
    for (const [value, place] of [
      ['x', '/new/list/-'],
      ['y', '/new/list/-'],
      ['z', '["new"]["-"]'],
    ] as const)
      expect(gitops(sandbox, value, 'set', 'file', place)).toEqual({ code: 0, said: '' })
    const { said } = gitops(sandbox, '', 'decrypt', 'file')
    if (format === 'json') expect(JSON.parse(said)).toEqual(JSON.parse(after))
    else expect(said).toBe(after)
  }
})

test('the real sops reads every value that was set, with its type, and its own files can be changed', async ({ sandbox, skip }) => {
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  const me = await member()
  trust(sandbox, me)
  const real = (...args: string[]): string => spawnSync(SOPS, args, { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' }).stdout
  const nasty = [
    'yes',
    '0777',
    ' x',
    '# c',
    '2020-01-01',
    'a: b',
    'tab\there',
    '\u0085',
    'é\u2028',
    '-',
    "it's",
    '"',
    '\\n',
    'null',
    '1_000',
    '=',
    '<<',
    '*a',
    '!x',
    '%',
    '@',
  ]
  for (const name of ['b.yaml', 'b.json']) {
    sandbox.write(sandbox.site, { [name]: name.endsWith('json') ? '{"a": 1, "l": []}' : 'a: 1\nl: []\n' })
    real('encrypt', '-i', '--age', me.recipient, name)
    expect(gitops(sandbox, JSON.stringify(nasty), 'set', '--json', name, '/l')).toEqual({ code: 0, said: '' })
    expect(gitops(sandbox, '{"i": -9223372036854775808, "f": 1e3, "t": true, "n": null}', 'set', '--json', name, '/__proto__')).toEqual({
      code: 0,
      said: '',
    })
    const shown = JSON.parse(real('decrypt', '--output-type', 'json', name)) as { l: string[] }
    expect(shown.l).toEqual(nasty)
    const numbers = real('decrypt', '--output-type', 'json', '--extract', '["__proto__"]', name).replaceAll(/\s/g, '')
    expect(numbers).toBe('{"i":-9223372036854775808,"f":1000,"t":true,"n":null}')
  }
})

test('set on a file that sops made leaves every other value as it is, also a float that prints like an integer', async ({
  sandbox,
  skip,
}) => {
  skip(spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  const me = await member()
  trust(sandbox, me)
  for (const [name, text] of [
    ['a.json', '{"a":"x","e":1e3}'],
    ['b.yaml', 'a: x\ne: 1e3\n'],
  ] as const) {
    sandbox.write(sandbox.site, { [name]: text })
    expect(spawnSync(SOPS, ['encrypt', '-i', '--age', me.recipient, name], { cwd: sandbox.site, env: sandbox.env }).status).toBe(0)
    const before = read(sandbox, name)
    expect(gitops(sandbox, 'y', 'set', name, '/a')).toEqual({ code: 0, said: '' })
    const changed = touched(before, read(sandbox, name)).map((word) => word.replaceAll('"', ''))
    // The same second may serve for both.
    expect(changed.filter((key) => key !== 'lastmodified')).toEqual(['a', 'mac'])
    expect(read(sandbox, name)).toContain('type:float')
    const plain = spawnSync(SOPS, ['decrypt', name], { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' })
    expect(plain.stdout).toContain('1000')
  }
})

test('a value that the rule of the file leaves in clear is set, and that it can be read by everybody is said', async ({ sandbox }) => {
  await encrypted(sandbox)
  const warned = gitops(sandbox, 's3cret', 'set', 'a.yaml', '/a_unencrypted')
  expect(warned).toEqual({ code: 0, said: expect.stringMatching(/^gitops: .*a\.yaml \["a_unencrypted"\] is in clear/) })
  expect(warned.said).not.toContain('s3cret')
  expect(read(sandbox, 'a.yaml')).toContain('a_unencrypted: s3cret')
  const within = gitops(sandbox, '{"w": "q", "x_unencrypted": {"y": ["z"]}}', 'set', '--json', 'a.yaml', '/deep')
  expect(within.said).toContain('["deep"] is in clear, in part')
  for (const [value, path] of [
    ['new', '/list/-'],
    ['new', '/list/0'],
    ['new', '/name'],
  ] as const)
    expect(gitops(sandbox, value, 'set', 'a.yaml', path)).toEqual({ code: 0, said: '' })
  for (const value of ['null', '""', '{}'])
    expect(gitops(sandbox, value, 'set', '--json', 'a.yaml', '/b_unencrypted')).toEqual({ code: 0, said: '' })
})
