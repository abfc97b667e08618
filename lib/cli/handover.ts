import { spawn } from 'node:child_process'
import { GitopsError } from '../model/errors.ts'
import type { Sha } from '../model/path.ts'
import type { Begun, Beginning } from '../../tasks/begin.ts'

const VARIABLE = 'GITOPS_HANDOVER'

/** What a parent process handed over, or null. Taken once: our own children do not see it. */
export function handedOver(): Beginning['handedOver'] {
  const text = process.env[VARIABLE]
  delete process.env[VARIABLE]
  if (text === undefined) return null
  try {
    const hand = JSON.parse(text) as Beginning['handedOver']
    if (typeof hand?.lock === 'string' && typeof hand.pulled === 'object') return hand
  } catch {
    // Said below: it can only come from somebody's own environment.
  }
  throw new GitopsError('usage', `the variable ${VARIABLE} holds something that no gitops has handed over`, { hint: 'Unset it.' })
}

/** Runs the same command once more, with the config that the pull has brought, or would bring; it takes our lock and does not pull again. */
export function handOver({ run, lock }: Begun, signal: AbortSignal): Promise<number> {
  const pulled: Record<string, Sha> = {}
  for (const unit of run.units) if (unit.pulled !== null) pulled[unit.name] = unit.pulled.commit
  const incoming = run.units.map((unit) => unit.pulled?.incoming ?? null).find((each) => each !== null)
  return again({ lock: lock?.token ?? '', state: run.config.state, pulled, ...(incoming !== undefined && { incoming }) }, signal)
}

/** Runs the same command line in a child and resolves with its exit code. Signals are passed on. */
export function again(hand: Beginning['handedOver'], signal: AbortSignal): Promise<number> {
  const env = { ...process.env, ...(hand !== null && { [VARIABLE]: JSON.stringify(hand) }) }
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit', env })
  const pass = (): void => void child.kill('SIGTERM')
  signal.addEventListener('abort', pass, { once: true })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, name) => {
      signal.removeEventListener('abort', pass)
      resolve(code ?? (name === 'SIGINT' ? 130 : 143))
    })
  })
}
