import type { Ran, Sandbox } from './sandbox.ts'

/** A call by which a file's name changes or its content is opened, as node calls it, and what another process does at that very moment. */
export interface Moment {
  readonly call: 'renameSync' | 'unlinkSync' | 'linkSync' | 'openSync'
  /** How one of the names ends; what is random in the name of a temporary file is left out. */
  readonly at: string
  /** Which of such calls it is, from 1. Default 1. */
  readonly nth?: number
  /** A shell command, with the sandbox's home as working directory. */
  readonly meanwhile: string
  /** Whether ours is killed once the call has taken effect. Default false. */
  readonly dies?: boolean
}

const HOOK = `
  import fs from 'node:fs'
  import { execSync } from 'node:child_process'
  import { syncBuiltinESMExports } from 'node:module'
  for (const { call, at, nth = 1, meanwhile, dies = false } of JSON.parse(process.env.MOMENTS)) {
    const real = fs[call]
    let count = 0
    fs[call] = (...args) => {
      const now = args.some((arg) => String(arg).replace(/[.][0-9a-f]{12}[.]tmp$/, '.tmp').endsWith(at)) && ++count === nth
      if (now) execSync(meanwhile, { cwd: process.env.HOME })
      const result = real(...args)
      if (now && dies) process.kill(process.pid, 'SIGKILL')
      return result
    }
  }
  syncBuiltinESMExports()`

/** Runs a command during which another process does something just before one of its calls, or some. */
export function atMoment(sandbox: Sandbox, args: readonly string[], ...moments: readonly Moment[]): Promise<Ran> {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(HOOK)}`
  return sandbox.gitops(args, { env: { NODE_OPTIONS, MOMENTS: JSON.stringify(moments) } })
}
