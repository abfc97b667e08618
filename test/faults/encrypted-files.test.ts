import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { parseIdentities } from '../../lib/secrets/age.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust, type Member } from '../support/sops.ts'

const CANARY = 's3cret-canary'
const PLAIN = `token: ${CANARY}\nport: 80\n`

/** Ends the process with SIGKILL before the N-th call that changes something on a disk; in the middle of it when it writes. */
const KILLER = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  let left = Number(process.env.KILL_AT)
  const names = ['openSync', 'writeSync', 'writeFileSync', 'fchmodSync', 'fchownSync', 'fsyncSync', 'renameSync', 'mkdtempSync', 'mkdirSync', 'rmSync', 'unlinkSync']
  for (const name of names) {
    const real = fs[name]
    fs[name] = (...args) => {
      if (String(args[0]).includes('compile-cache')) return real(...args)
      if (name === 'openSync' && !/[wxa+]/.test(String(args[1]))) return real(...args)
      if (left-- > 0) return real(...args)
      if (name === 'writeSync') real(args[0], args[1].subarray(0, args[1].length >> 1))
      process.kill(process.pid, 'SIGKILL')
    }
  }
  syncBuiltinESMExports()`

/** Runs a command with fewer and fewer instants left to live; resolves with how often it was killed. */
async function killedEverywhere(
  sandbox: Sandbox,
  place: string,
  args: readonly string[],
  input: string,
  check: (killed: boolean) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at += 1) {
    const env = { ...sandbox.env, KILL_AT: String(at), XDG_RUNTIME_DIR: join(place, 'runtime'), EDITOR: join(sandbox.root, 'editor') }
    const signal = await new Promise<string | null>((done) => {
      const flags = ['--import', `data:text/javascript,${encodeURIComponent(KILLER)}`, CLI, ...args]
      const child = execFile(process.execPath, flags, { cwd: place, env }, (error) => done(error?.signal ?? null))
      child.stdin?.end(input)
    })
    await check(signal === 'SIGKILL')
    if (signal !== 'SIGKILL') return at
  }
}

test(
  'killed at any instant, a file is the old or the new one, whole, and no plaintext is left outside of memory',
  { timeout: 120_000 },
  async ({ sandbox }) => {
    const me: Member = await member()
    trust(sandbox, me)
    sandbox.write(sandbox.root, { editor: { text: '#!/bin/sh\nsed -i s/80/8080/ "$1"\n', mode: 0o755 } })
    const identities = await parseIdentities(me.identity, 'test')
    const ciphertext = await sops(me, PLAIN, { format: 'yaml' })
    const sweep = async (name: string, args: readonly string[], wanted: string, old = ciphertext): Promise<void> => {
      const place = join(sandbox.site, name)
      mkdirSync(join(place, 'runtime'), { recursive: true, mode: 0o700 })
      const file = join(place, 'a.yaml')
      const begin = (): void => {
        writeFileSync(join(place, '.sops.yaml'), `creation_rules:\n  - age: ${me.recipient}\n`)
        writeFileSync(file, old)
      }
      begin()
      const kills = await killedEverywhere(sandbox, place, args, '8080', async (killed) => {
        const now = readFileSync(file)
        if (now.toString() !== old) expect((await decryptSops(now, identities)).plaintext.text(), name).toBe(wanted)
        else expect(killed, name).toBe(true)
        const left = spawnSync('grep', ['-rlaF', CANARY, '--exclude-dir=runtime', ...(old === PLAIN ? ['--exclude=a.yaml'] : []), '.'], {
          cwd: place,
          encoding: 'utf8',
        })
        expect(left.stdout, name).toBe('')
        // What a killed one has left goes with the next.
        expect(readdirSync(place).filter((entry) => entry.endsWith('.tmp')).length, name).toBeLessThanOrEqual(killed ? 1 : 0)
        begin()
      })
      expect(kills, name).toBeGreaterThanOrEqual(6)
      // What killed editors have left went with the next one.
      expect(readdirSync(join(place, 'runtime'))).toEqual([])
    }
    await Promise.all([
      sweep('set', ['set', '--json', 'a.yaml', '/port'], PLAIN.replace('80', '8080')),
      sweep('rotate', ['rotate', '-i', 'a.yaml'], PLAIN),
      sweep('encrypt', ['encrypt', '-i', 'a.yaml'], PLAIN, PLAIN),
      sweep('edit', ['edit', 'a.yaml'], PLAIN.replace('80', '8080')),
    ])
  },
)

const command = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    command('unshare', '--mount', 'true')
    return true
  } catch {
    return false
  }
}

test('on a full or a read-only disk the file stays as it is, and one sentence says so', async ({ sandbox, skip }) => {
  skip(!canMount(), 'only root on Linux can mount the small file systems that this needs')
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.root, { editor: { text: '#!/bin/sh\nsed -i s/80/8080/ "$1"\n', mode: 0o755 } })
  const place = join(sandbox.root, 'small')
  mkdirSync(place)
  command('mount', '-t', 'tmpfs', '-o', 'size=16k', 'none', place)
  try {
    const file = join(place, 'a.yaml')
    writeFileSync(file, await sops(me, PLAIN, { format: 'yaml' }))
    const before = readFileSync(file, 'utf8')
    expect(() => writeFileSync(join(place, 'filler'), Buffer.alloc(1 << 16))).toThrow('ENOSPC')
    const refused = async (code: string, ...commands: string[][]): Promise<void> => {
      for (const args of commands) {
        const ran = await sandbox.gitops(args, { env: { EDITOR: join(sandbox.root, 'editor') } })
        expect([ran.code, ran.stdout], args.join(' ') + ran.stderr).toEqual([1, ''])
        expect(ran.stderr).toContain(`a.yaml cannot be written: ${code}`)
        expect(ran.stderr).not.toContain(CANARY)
        expect(readFileSync(file, 'utf8')).toBe(before)
        expect(readdirSync(place).toSorted()).toEqual(['a.yaml', 'filler'])
        expect(readdirSync(join(sandbox.root, 'runtime'))).toEqual([])
      }
    }
    await refused('ENOSPC', ['rotate', '-i', file, '--age', me.recipient], ['edit', file], ['decrypt', '-i', file])
    command('mount', '-o', 'remount,ro', place)
    await refused('EROFS', ['unset', file, '/port'])
  } finally {
    command('umount', '-l', place)
  }
})

test('a plaintext for which there is only half the room on a disk is not taken for the whole', async ({ sandbox, skip }) => {
  skip(!canMount(), 'only root on Linux can mount the small file systems that this needs')
  const me = await member()
  trust(sandbox, me)
  const place = join(sandbox.root, 'small')
  mkdirSync(place)
  sandbox.write(sandbox.site, { 'a.yaml': await sops(me, `a: ${'x'.repeat(40_000)}\n`, { format: 'yaml' }) })
  command('mount', '-t', 'tmpfs', '-o', 'size=16k', 'none', place)
  try {
    const { status, stderr } = spawnSync('sh', ['-c', `'${process.execPath}' '${CLI}' decrypt a.yaml > ${place}/out`], {
      cwd: sandbox.site,
      env: sandbox.env,
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([1, expect.stringContaining('standard output cannot be written: ENOSPC')])
    expect(statSync(join(place, 'out')).size).toBeGreaterThan(1000)
  } finally {
    command('umount', '-l', place)
  }
})

test('when the own directory in memory is full the editor gets its file in the one of the system', async ({ sandbox, skip }) => {
  skip(!canMount() || !existsSync('/dev/shm'), 'only root on Linux can mount the small file systems that this needs')
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.root, { editor: { text: '#!/bin/sh\necho "$1" > seen; sed -i s/80/8080/ "$1"\n', mode: 0o755 } })
  sandbox.write(sandbox.site, { 'a.yaml': await sops(me, PLAIN, { format: 'yaml' }) })
  const runtime = join(sandbox.root, 'runtime')
  command('mount', '-t', 'tmpfs', '-o', 'size=16k,mode=700', 'none', runtime)
  try {
    expect(() => writeFileSync(join(runtime, 'filler'), Buffer.alloc(1 << 16))).toThrow('ENOSPC')
    expect(await sandbox.gitops(['edit', 'a.yaml'], { env: { EDITOR: join(sandbox.root, 'editor') } })).toMatchObject({ code: 0, said: '' })
    const seen = readFileSync(join(sandbox.site, 'seen'), 'utf8').trim()
    expect(seen).toMatch(/^\/dev\/shm\/gitops-edit-/)
    expect([existsSync(dirname(seen)), readdirSync(runtime)]).toEqual([false, ['filler']])
  } finally {
    command('umount', '-l', runtime)
  }
})

test('whatever the umask is, plaintext is private, a new ciphertext follows it, and an old file keeps its mode', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.site, { 'a.yaml': PLAIN, '.sops.yaml': `creation_rules:\n  - age: ${me.recipient}\n` })
  const mode = (name: string): string => (statSync(join(sandbox.site, name)).mode & 0o777).toString(8)
  for (const [umask, fresh] of [
    ['000', '666'],
    ['077', '600'],
  ] as const) {
    const line = `umask ${umask}; '${process.execPath}' '${CLI}' "$@"`
    const run = (...args: string[]): void => void execFileSync('sh', ['-c', line, 'sh', ...args], { cwd: sandbox.site, env: sandbox.env })
    run('encrypt', 'a.yaml', '-o', `b${umask}.yaml`)
    expect(mode(`b${umask}.yaml`)).toBe(fresh)
    run('decrypt', `b${umask}.yaml`, '-o', `c${umask}.yaml`)
    expect(mode(`c${umask}.yaml`)).toBe('600')
    run('rotate', '-i', `b${umask}.yaml`, '--age', me.recipient)
    expect(mode(`b${umask}.yaml`)).toBe(fresh)
  }
})
