import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_CONFIG, sandboxIn, type Files, type Ran, type Sandbox } from '../../support/sandbox.ts'
import { member, sops, trust } from '../../support/sops.ts'
import { look, type Look } from './look.ts'

/** In every secret value of this world, and in nothing else. */
export const CANARY = 'kAnArY'

/** A home of its own: two go through the same case at the same time. Everything of it lies below `root`. */
export interface Lane {
  readonly root: string
  readonly home: string
  readonly state: string
  readonly runtime: string
  readonly env: NodeJS.ProcessEnv
}

/** Homes with an old revision live and a new one pushed, and how both look. */
export interface World {
  readonly sandbox: Sandbox
  readonly lanes: readonly Lane[]
  /** How the first lane looks with the old revision, and with the new one. */
  readonly old: Look
  readonly wanted: Look
  remove(): void
}

/** What stands in the homes before us and belongs to an application, or to a person. */
const THEIRS: Files = {
  '.claude/projects/a/session.jsonl': '{"turn":1}\n',
  '.claude/history.jsonl': 'typed\n',
  '.claude/.credentials.json': { text: '{"token":1}', mode: 0o600 },
  '.claude/agents/mine.md': 'my own agent\n',
  '.claude/notes/1.md': { text: 'a note that a person wrote\n', mode: 0o600 },
  '.claude.json': { text: '{\n  "projects": { "/a": { "trusted": true } },\n  "count":   1\n}\n', mode: 0o600 },
  '.app/log': 'started\n',
  '.bashrc': 'export A=1\n',
}

/** The files of an application that no revision names. */
export const THEIR_OWN = Object.keys(THEIRS).filter((path) => !['.claude/notes/1.md', '.claude.json'].includes(path))

const OLD: Files = {
  '.claude/settings.json': '{"good":true}\n',
  '.claude/hook.sh': { text: '#!/bin/sh\n', mode: 0o755 },
  '.claude/agents/a.md': 'old a\n',
  '.claude/going/deep/x.md': 'goes\n',
  '.claude/file-then-directory': 'a file\n',
  '.claude/directory-then-file/one.md': 'one\n',
  '.claude/link': { link: 'settings.json' },
}

const GONE = ['.claude/going', '.claude/file-then-directory', '.claude/directory-then-file', '.claude/link']

const NEW: Files = {
  '.claude/settings.json': '{"better":true}\n',
  '.claude/hook.sh': { text: '#!/bin/sh\n', mode: 0o644 },
  '.claude/agents/a.md': 'new a\n',
  '.claude/commands/deep/c.md': 'made\n',
  '.claude/file-then-directory/b.md': 'b\n',
  '.claude/directory-then-file': 'now a file\n',
  '.claude/link': { link: 'agents/a.md' },
  '.claude/notes/1.md': 'our note\n',
}

const SECRETS = `secrets: {
  account: { from: 's/account', to: '~/.claude.json', strategy: 'merge' },
  token: { from: 's/token', to: '~/.app/token' },
},`

/** A world whose new revision passes its smoke check, or not. */
export async function makeWorld(good: boolean, lanes = 2): Promise<World> {
  const sandbox = sandboxIn(mkdtempSync(join(tmpdir(), 'gitops-test-')))
  // In memory where the system offers that: a killed process leaves there what it leaves anywhere.
  const memory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gitops-test-'))
  const me = await member()
  trust(sandbox, me)
  const keys = join(sandbox.home, '.config/sops/age/keys.txt')
  const secrets = async (n: number): Promise<Files> => ({
    's/account': await sops(me, { mcpServers: { one: { key: `${CANARY}-key-${n}` } } }),
    's/token': await sops(me, `${CANARY}-token-${n}\n`, { format: 'binary' }),
  })
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `${SECRETS} checks: { smoke: [{ name: 'alive', run: '! grep -q bad ~/.claude/settings.json' }] },`),
  )
  sandbox.commit({ ...OLD, ...(await secrets(1)) })
  const world = { sandbox, lanes: Array.from({ length: lanes }, (_, n) => makeLane(join(memory, `lane-${n}`), keys)) }
  for (const lane of world.lanes) {
    sandbox.write(lane.home, THEIRS)
    await expectApplied(gitops(world, lane, 'reconcile'))
  }
  const [first] = world.lanes as [Lane]
  const old = look(first)
  for (const path of GONE) sandbox.commit({ [path]: null })
  sandbox.commit({ ...NEW, ...(good ? {} : { '.claude/settings.json': '{"bad":true}\n' }), ...(await secrets(2)) })
  for (const lane of world.lanes) keep(lane, 'old')
  const ran = gitops(world, first, 'reconcile')
  if (good) await expectApplied(ran)
  await ran
  const wanted = good ? look(first) : old
  restore(first, 'old')
  const remove = (): void => {
    for (const directory of [memory, sandbox.root]) rmSync(directory, { recursive: true, force: true })
  }
  return { ...world, old, wanted, remove }
}

function makeLane(root: string, keys: string): Lane {
  const [home, runtime] = [join(root, 'live/home'), join(root, 'live/runtime')]
  for (const directory of [home, runtime]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  const env = { HOME: home, XDG_RUNTIME_DIR: runtime, TMPDIR: runtime, SOPS_AGE_KEY_FILE: keys, UV_THREADPOOL_SIZE: '1' }
  return { root: join(root, 'live'), home, runtime, state: join(home, '.local/state/gitops/story'), env }
}

async function expectApplied(running: Promise<Ran>): Promise<void> {
  const ran = await running
  if (ran.code !== 0 || !ran.said.includes('Applied')) throw new Error(`the world could not be made: ${ran.said}`)
}

/** Runs the built command line in a lane. */
export function gitops({ sandbox }: Pick<World, 'sandbox'>, lane: Lane, ...args: string[]): Promise<Ran> {
  return sandbox.gitops(args, { env: lane.env })
}

/** Keeps a lane as it is now, under a name. */
export function keep(lane: Lane, name: string): void {
  execFileSync('cp', ['-a', lane.root, `${lane.root}-${name}`])
}

/** Makes a lane as it was when it was kept. */
export function restore(lane: Lane, name: string): void {
  rmSync(lane.root, { recursive: true, force: true })
  execFileSync('cp', ['-a', `${lane.root}-${name}`, lane.root])
}
