import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

/** Says when a new file is begun, and, told to be slow, waits before it is put in its place until there is a file `go`. */
const WATCHED = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  const open = fs.openSync
  fs.openSync = (path, flags, mode) => {
    if (flags === 'wx') fs.writeFileSync(process.env.BEGUN, '')
    return open(path, flags, mode)
  }
  const rename = fs.renameSync
  fs.renameSync = (from, to) => {
    if (String(to).includes('compile-cache') || process.env.BEGUN !== 'slow') return rename(from, to)
    fs.writeFileSync('waits', '')
    while (!fs.existsSync('go')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    return rename(from, to)
  }
  syncBuiltinESMExports()`

const read = (sandbox: Sandbox, name: string): string => readFileSync(join(sandbox.site, name), 'utf8')

async function encrypted(sandbox: Sandbox, name = 'a.yaml'): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, {
    [name]: await sops(me, 'a: 1\nb: 1\n', { format: 'yaml' }),
    '.sops.yaml': `creation_rules:\n  - age: ${me.recipient}\n`,
  })
}

const exists = (sandbox: Sandbox, name: string): boolean => existsSync(join(sandbox.site, name))

/** Starts a command that makes a file `begun` when it begins to write. */
function start(sandbox: Sandbox, args: readonly string[], input: string, begun = 'begun'): ChildProcess & { said?: string } {
  for (const name of ['waits', 'go', 'begun']) if (begun === 'slow') rmSync(join(sandbox.site, name), { force: true })
  const child: ChildProcess & { said?: string } = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(WATCHED)}`, CLI, ...args],
    { cwd: sandbox.site, env: { ...sandbox.env, BEGUN: begun }, stdio: ['pipe', 'ignore', 'pipe'] },
  )
  child.stdin?.end(input)
  child.stderr?.on('data', (chunk: Buffer) => (child.said = (child.said ?? '') + chunk.toString()))
  return child
}

/** Starts a command and waits until it is about to put its file in place. */
async function slow(sandbox: Sandbox, args: readonly string[], input: string): Promise<ChildProcess> {
  const child = start(sandbox, args, input, 'slow')
  while (!exists(sandbox, 'waits')) await sleep(5)
  return child
}

const ended = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode
}

test('of two commands that change one file at the same moment none is lost: the second waits, and is told that the file has changed', async ({
  sandbox,
}) => {
  await encrypted(sandbox)
  const first = await slow(sandbox, ['set', 'a.yaml', '/a'], 'A')
  const second = start(sandbox, ['set', 'a.yaml', '/b'], 'B')
  while (!exists(sandbox, 'begun') && second.exitCode === null) await sleep(5)
  writeFileSync(join(sandbox.site, 'go'), '')
  expect([await ended(first), await ended(second)], second.said).toEqual([0, 5])
  expect(second.said).toContain('a.yaml was changed by somebody else')
  expect((await sandbox.gitops(['decrypt', 'a.yaml'])).stdout).toBe('a: A\nb: 1\n')
  const many = ['a', 'b', 'a', 'b'].map((key, at) => start(sandbox, ['set', 'a.yaml', `/${key}`], `n${at}`))
  const codes = await Promise.all(many.map(ended))
  const values = (await sandbox.gitops(['decrypt', 'a.yaml'])).stdout
  expect(codes).toContain(0)
  for (const key of [0, 1]) {
    const won = [key, key + 2].filter((at) => codes[at] === 0)
    if (won.length > 0)
      expect(
        won.some((at) => values.includes(`n${at}\n`)),
        values,
      ).toBe(true)
  }
  expect(readdirSync(sandbox.site).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('what a killed command left beside a file, also of its plaintext, goes with the next command that writes it', async ({ sandbox }) => {
  await encrypted(sandbox)
  for (const name of ['out.yaml', `${'n'.repeat(240)}.yaml`, 'é'.repeat(125)]) {
    const killed = await slow(sandbox, ['decrypt', 'a.yaml', '-o', name], '')
    killed.kill('SIGKILL')
    await ended(killed)
    const left = readdirSync(sandbox.site).filter((entry) => entry.endsWith('.gitops.tmp'))
    expect(left).toHaveLength(1)
    expect(read(sandbox, left[0] ?? '')).toContain('a: 1')
    expect((await sandbox.gitops(['decrypt', 'a.yaml', '-o', name])).code).toBe(0)
    expect(read(sandbox, name)).toBe('a: 1\nb: 1\n')
    expect(readdirSync(sandbox.site).filter((entry) => entry.endsWith('.tmp'))).toEqual([])
  }
})

test('a link to a file that is not there yet stays a link, and the file is made where it points', async ({ sandbox }) => {
  await encrypted(sandbox)
  sandbox.write(sandbox.root, { editor: { text: '#!/bin/sh\necho "c: 1" > "$1"\n', mode: 0o755 } })
  mkdirSync(join(sandbox.site, 'deep'))
  symlinkSync('deep/there.yaml', join(sandbox.site, 'new.yaml'))
  expect(await sandbox.gitops(['edit', 'new.yaml'], { env: { EDITOR: join(sandbox.root, 'editor') } })).toMatchObject({ code: 0 })
  symlinkSync('deep/plain.yaml', join(sandbox.site, 'plain.yaml'))
  expect(await sandbox.gitops(['decrypt', 'new.yaml', '-o', 'plain.yaml'])).toMatchObject({ code: 0 })
  for (const name of ['new.yaml', 'plain.yaml']) expect(lstatSync(join(sandbox.site, name)).isSymbolicLink()).toBe(true)
  expect(read(sandbox, 'deep/plain.yaml')).toBe('c: 1\n')
  expect(read(sandbox, 'deep/there.yaml')).toContain('ENC[')
  symlinkSync('round.yaml', join(sandbox.site, 'round.yaml'))
  symlinkSync('nowhere/at-all.yaml', join(sandbox.site, 'lost.yaml'))
  for (const name of ['round.yaml', 'lost.yaml']) {
    const ran = await sandbox.gitops(['decrypt', 'new.yaml', '-o', name])
    expect([ran.code, ran.stdout], ran.stderr).toEqual([1, ''])
    expect(ran.stderr).toMatch(new RegExp(`^gitops: \\S+${name} cannot be written: E\\w+\n.+\n$`))
  }
})
