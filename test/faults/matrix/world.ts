import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_CONFIG, sandboxIn, type Files, type Ran, type Sandbox } from '../../support/sandbox.ts'
import { member, sops, trust } from '../../support/sops.ts'
import type { WorldName } from './classes.ts'
import { look, type Look } from './look.ts'

/** In every secret value of this world, and in nothing else. */
export const CANARY = 'kAnArY'

/** How long a command may take, in seconds. */
export const PATIENCE = 30

/** The exit code of a command that took longer, and was killed. */
export const LATE = 124

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
  /** How the first lane looks before us, with the old revision, and with the new one. */
  readonly original: Look
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

/** An older revision still. */
const EARLIER: Files = { ...OLD, '.claude/agents/a.md': 'earlier' }

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

/** What a check does that is careless: it writes, removes, and makes executable. */
const MEDDLE = ' && echo x >> ~/.claude/agents/a.md && rm ~/.claude/hook.sh && chmod 755 ~/.claude/settings.json && rm ~/.app/token'

/** A world of a name; nothing of it stays when it cannot be made. */
export async function makeWorld(name: WorldName, lanes = 2): Promise<World> {
  const places = makePlaces()
  const remove = (): void => {
    process.off('exit', remove)
    for (const place of places) rmSync(place, { recursive: true, force: true })
  }
  process.on('exit', remove)
  try {
    return { ...(await fill(name, lanes, ...places)), remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** Directories for lanes and for all else. Lanes live in memory, where there is such a place: kills and errors are what is tried, not the disk. */
function makePlaces(): [string, string] {
  const shared = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  // A test that is killed removes nothing; the next one does.
  for (const name of readdirSync(shared)) {
    const pid = Number(/^gitops-test-lanes-(\d+)-/.exec(name)?.[1] ?? process.pid)
    if (!existsSync(`/proc/${pid}`) && existsSync('/proc')) rmSync(join(shared, name), { recursive: true, force: true })
  }
  return [mkdtempSync(join(shared, `gitops-test-lanes-${process.pid}-`)), mkdtempSync(join(tmpdir(), 'gitops-test-'))]
}

async function fill(name: WorldName, count: number, memory: string, root: string): Promise<Omit<World, 'remove'>> {
  const sandbox = sandboxIn(root)
  const me = await member()
  trust(sandbox, me)
  const secrets = async (n: number): Promise<Files> => ({
    's/account': await sops(me, { mcpServers: { one: { key: `${CANARY}-key-${n}` } } }),
    's/token': await sops(me, `${CANARY}-token-${n}\n`, { format: 'binary' }),
  })
  const local = name === 'work tree'
  const repo = local ? '~/clone' : sandbox.remote
  const alive = `! grep -q bad ~/.claude/settings.json${name === 'meddling' ? MEDDLE : ''}`
  const history = name === 'short history' ? 'history: { generations: 1 },' : ''
  sandbox.config(DEFAULT_CONFIG(repo, `${SECRETS} checks: { smoke: [{ name: 'alive', run: ${JSON.stringify(alive)} }] }, ${history}`))
  const [first, ...later] = name === 'short history' ? [EARLIER, { '.claude/agents/a.md': 'later' }, OLD] : [OLD]
  sandbox.commit({ ...first, ...(await secrets(1)) })
  const keys = join(sandbox.home, '.config/sops/age/keys.txt')
  const world = { sandbox, lanes: Array.from({ length: count }, (_, n) => makeLane(join(memory, `lane-${n}`), keys)) }
  const [lane] = world.lanes as [Lane]
  for (const lane of world.lanes) {
    sandbox.write(lane.home, THEIRS)
    if (local) sandbox.git(lane.home, 'clone', '--quiet', sandbox.remote, 'clone')
    keep(lane, 'never')
    await expectApplied(gitops(world, lane, 'reconcile'))
  }
  for (const files of later) {
    sandbox.commit(files)
    for (const lane of world.lanes) await expectApplied(gitops(world, lane, 'reconcile'))
  }
  for (const lane of world.lanes) {
    if (local) sandbox.write(lane.home, { '.claude/agents/a.md': 'edited by a person\n' })
    keep(lane, 'old')
  }
  const old = look(lane)
  for (const path of GONE) sandbox.commit({ [path]: null })
  sandbox.commit({ ...NEW, ...(name === 'bad' ? { '.claude/settings.json': '{"bad":true}\n' } : {}), ...(await secrets(2)) })
  const wanted = name === 'bad' ? old : await lookAfter(world, lane, local ? ['capture', '~/.claude/agents/a.md'] : ['reconcile'])
  restore(lane, 'never')
  const original = look(lane)
  restore(lane, 'old')
  return { ...world, original, old, wanted }
}

async function lookAfter(world: Pick<World, 'sandbox'>, lane: Lane, args: readonly string[]): Promise<Look> {
  const running = gitops(world, lane, ...args)
  if (args[0] === 'reconcile') await expectApplied(running)
  const { code, said } = await running
  if (code !== 0) throw new Error(`the world could not be made: ${said}`)
  return look(lane)
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
export async function gitops({ sandbox }: Pick<World, 'sandbox'>, lane: Lane, ...args: string[]): Promise<Ran> {
  const began = Date.now()
  const ran = await sandbox.gitops(argsIn(lane, args), { env: lane.env, timeout: PATIENCE * 1000 })
  return Date.now() - began < PATIENCE * 1000 ? ran : { ...ran, code: LATE }
}

/** Arguments as a shell in a lane would give them. */
export function argsIn({ home }: Lane, args: readonly string[]): string[] {
  return args.map((arg) => arg.replace(/^~/, home))
}

/** Keeps a lane as it is now, under a name. */
export function keep(lane: Lane, name: string): void {
  rmSync(`${lane.root}-${name}`, { recursive: true, force: true })
  execFileSync('cp', ['-a', lane.root, `${lane.root}-${name}`])
}

/** Makes a lane as it was when it was kept. */
export function restore(lane: Lane, name: string): void {
  rmSync(lane.root, { recursive: true, force: true })
  execFileSync('cp', ['-a', `${lane.root}-${name}`, lane.root])
}
