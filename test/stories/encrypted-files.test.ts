import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

/** Three encrypted files whose plaintext says their name; the sandbox's user can open them. */
async function three(sandbox: Sandbox): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  for (const name of ['a', 'b', 'c']) sandbox.write(sandbox.site, { [`${name}.json`]: await sops(me, { name }) })
}

const plain = (name: string): string => `{\n  "name": "${name}"\n}\n`
const path = (sandbox: Sandbox, name: string): string => join(sandbox.site, name)
const read = (sandbox: Sandbox, name: string): string => readFileSync(path(sandbox, name), 'utf8')

test('a file that cannot be decrypted gets one sentence, the others are decrypted, and the first failure decides the exit code', async ({
  sandbox,
}) => {
  await three(sandbox)
  sandbox.write(sandbox.site, {
    'broken.json': read(sandbox, 'a.json').replace('"name": "ENC[AES256_GCM,data:', '"name": "ENC[AES256_GCM,data:AA'),
  })
  const ran = await sandbox.gitops(['decrypt', 'a.json', 'missing.json', 'broken.json', '.', 'c.json'])
  expect(ran.code).toBe(100)
  expect(ran.stdout).toBe(plain('a') + plain('c'))
  expect(ran.stderr).toContain('missing.json is not there')
  expect(ran.stderr).toContain('broken.json cannot be trusted')
  expect(ran.stderr).toContain('it is a directory')
  expect(ran.stderr.match(/^gitops: /gm)).toHaveLength(3)
  expect((await sandbox.gitops(['decrypt', 'broken.json', 'missing.json'])).code).toBe(25)
})

test('in place, each file keeps its mode, a link stays a link, and what failed is as it was', async ({ sandbox }) => {
  await three(sandbox)
  chmodSync(path(sandbox, 'a.json'), 0o640)
  symlinkSync('b.json', path(sandbox, 'link.json'))
  sandbox.write(sandbox.site, { 'plain.json': '{}\n' })
  const ran = await sandbox.gitops(['decrypt', '-i', 'a.json', 'plain.json', 'link.json'])
  expect([ran.code, ran.stdout]).toEqual([1, ''])
  expect(read(sandbox, 'a.json')).toBe(plain('a'))
  expect(statSync(path(sandbox, 'a.json')).mode & 0o777).toBe(0o640)
  expect(lstatSync(path(sandbox, 'link.json')).isSymbolicLink()).toBe(true)
  expect(read(sandbox, 'b.json')).toBe(plain('b'))
  expect(read(sandbox, 'plain.json')).toBe('{}\n')
  expect(Object.keys(sandbox.tree(sandbox.site)).filter((name) => name.includes('tmp'))).toEqual([])
})

test('an output file is private when it holds plaintext, and options that exclude each other end with 8', async ({ sandbox }) => {
  await three(sandbox)
  expect((await sandbox.gitops(['decrypt', 'a.json', '-o', 'out.json'])).said).toBe('')
  expect(read(sandbox, 'out.json')).toBe(plain('a'))
  expect(statSync(path(sandbox, 'out.json')).mode & 0o777).toBe(0o600)
  expect((await sandbox.gitops(['decrypt', 'a.json', '-o', '/dev/stdout'])).stdout).toBe(plain('a'))
  const before = sandbox.tree(sandbox.site)
  for (const args of [
    ['a.json', 'b.json', '-o', 'x'],
    ['a.json', '-i', '-o', 'x'],
    ['-', '-i'],
    ['-', '-'],
  ]) {
    const ran = await sandbox.gitops(['decrypt', ...args])
    expect([ran.code, ran.stdout], args.join(' ')).toEqual([8, ''])
    expect(ran.stderr).toMatch(/^gitops: .+\n.+\n$/)
  }
  expect(sandbox.tree(sandbox.site)).toEqual(before)
})

test('- is standard input, and a reader that goes away early is no error', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const big = await sops(me, 'x'.repeat(3 << 20), { format: 'binary' })
  const start = (input: string): ReturnType<typeof spawn> => {
    const child = spawn(process.execPath, [CLI, 'decrypt', '-'], { cwd: sandbox.site, env: sandbox.env })
    child.stdin?.end(input)
    return child
  }
  const whole = start(big)
  expect((await text(whole.stdout as NodeJS.ReadableStream)).length).toBe(3 << 20)
  const child = start(big)
  child.stdout?.once('data', () => child.stdout?.destroy())
  const said = text(child.stderr as NodeJS.ReadableStream)
  const code = await new Promise((done) => child.once('close', done))
  expect([await said, code]).toEqual(['', 0])
})
