import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newIdentity } from '../lib/secrets/age.ts'
import { encryptSops } from '../lib/secrets/sops/encrypt.ts'
import { compare, median, type Side } from './bench-compare.ts'

/** The real `sops`: on PATH, or named in GITOPS_SOPS. */
const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const FILES = 200

/** Where the files are, and the environment in which both programs find the key. */
interface Bench {
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  readonly cli: string
}

/** Decrypting, side by side with the real sops in one run, and what it takes of memory. */
export async function benchSecrets(root: string, cli: string, rounds: number): Promise<void> {
  if (spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status !== 0)
    return void process.stdout.write('sops is not installed (or named in GITOPS_SOPS): the comparison with it is left out\n')
  const bench = await prepare(root, cli)
  const many = Array.from({ length: FILES }, (_, index) => `f${index}.yaml`)
  const sops =
    (...files: string[]) =>
    (): void =>
      files.forEach((file) => run(bench, SOPS, ['decrypt', file]))
  const ours =
    (...files: string[]) =>
    (): void =>
      run(bench, process.execPath, [cli, 'decrypt', ...files])
  const side = (name: string, work: () => void): Side => ({ name, run: work })
  compare(
    side(`decrypt ${FILES} files of 20 values`, ours(...many)),
    side(`${FILES} × sops`, sops(...many)),
    Math.max(3, Math.ceil(rounds / 5)),
    '   goal: at most 0.1',
  )
  compare(side('decrypt one small file', ours('f0.yaml')), side('sops', sops('f0.yaml')), rounds, '')
  compare(side('decrypt 20,000 values', ours('v20000.yaml')), side('sops', sops('v20000.yaml')), Math.max(3, Math.ceil(rounds / 3)), '')
  memory(bench)
}

async function prepare(root: string, cli: string): Promise<Bench> {
  const directory = join(root, 'secrets')
  mkdirSync(directory)
  const { identity, recipient } = await newIdentity()
  writeFileSync(join(directory, 'keys.txt'), `${identity.text()}\n`, { mode: 0o600 })
  const values = (count: number): string => Array.from({ length: count }, (_, index) => `key${index}: value number ${index}\n`).join('')
  const write = async (name: string, count: number): Promise<void> => {
    const { bytes } = await encryptSops(Buffer.from(values(count)), { format: 'yaml', recipients: [recipient], now: new Date() })
    writeFileSync(join(directory, name), bytes)
  }
  for (let index = 0; index < FILES; index++) await write(`f${index}.yaml`, 20)
  for (const count of [5000, 10_000, 20_000]) await write(`v${count}.yaml`, count)
  const env = {
    PATH: process.env['PATH'],
    HOME: directory,
    SOPS_AGE_KEY_FILE: join(directory, 'keys.txt'),
    NODE_COMPILE_CACHE: join(root, 'compile-cache'),
  }
  return { root: directory, env, cli }
}

function run({ root, env }: Bench, program: string, args: readonly string[]): void {
  const ran = spawnSync(program, args, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`${program} ended with ${ran.status}: ${ran.stderr}`)
}

/** Megabytes at the most, for files of growing size: twice the values may cost twice the memory that they cost, not more. */
function memory(bench: Bench): void {
  if (!existsSync('/proc/self/status')) return
  const report = `process.on('exit', () => console.error(process.resourceUsage().maxRSS / 1024))`
  const peak = (file: string): number => {
    const args = ['--import', `data:text/javascript,${encodeURIComponent(report)}`, bench.cli, 'decrypt', file]
    const ran = spawnSync(process.execPath, args, {
      cwd: bench.root,
      env: bench.env,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    })
    return Number(ran.stderr.trim().split('\n').at(-1))
  }
  const peaks = ['f0', 'v5000', 'v10000', 'v20000'].map((name) => median([0, 1, 2].map(() => peak(`${name}.yaml`))))
  const told = peaks.map((megabytes) => `${megabytes.toFixed(0)} MB`).join(' / ')
  process.stdout.write(`memory at 20 / 5,000 / 10,000 / 20,000 values: ${told}\n`)
}
