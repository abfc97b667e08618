import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { machine } from '../../lib/host/machine.ts'

/** Where the homes in test/fixtures/state were made: inventories and fingerprints name live files by their full path. */
const ROOT = '/tmp/gitops-test-state'

/** A home with a state of an older format, back where it was made. */
export interface OldState {
  readonly home: string
  readonly site: string
  readonly state: string
  readonly remote: string
}

/** Lends a home of an older format, made by test/host/make-state.ts, and takes it away afterwards. One at a time on a machine. */
export async function withOldState(format: number, name: string, work: (old: OldState) => Promise<void>): Promise<void> {
  await taken()
  try {
    execFileSync('tar', ['-xzf', resolve(import.meta.dirname, `../fixtures/state/${format}/${name}.tar.gz`), '-C', ROOT])
    const home = join(ROOT, 'home')
    const state = join(home, '.local/state/gitops/story')
    const { id, uid } = machine()
    // It was made on this machine, by this user.
    const identity = join(state, 'identity.json')
    const { config } = JSON.parse(readFileSync(identity, 'utf8')) as { config: string }
    writeFileSync(identity, JSON.stringify({ format: 1, config, uid, machine: id }))
    await work({ home, state, site: join(ROOT, 'site'), remote: join(ROOT, 'remote.git') })
  } finally {
    rmSync(ROOT, { recursive: true, force: true })
  }
}

/** Waits for another test that has it; one that was killed has it for a minute. */
async function taken(): Promise<void> {
  for (;;) {
    try {
      mkdirSync(ROOT, { mode: 0o700 })
      return
    } catch {
      const age = Date.now() - (statSync(ROOT, { throwIfNoEntry: false })?.mtimeMs ?? 0)
      if (age > 60_000) rmSync(ROOT, { recursive: true, force: true })
      await sleep(50)
    }
  }
}
