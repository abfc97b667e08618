import { spawn } from 'node:child_process'
import { Option } from 'commander'
import { nextRun } from '../../host/timer.ts'
import { GitopsError } from '../../model/errors.ts'
import { isoSeconds } from '../../model/audit.ts'
import { complain, print, styled } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, open } from '../open.ts'
import type { Verb } from '../program.ts'

interface WatchOptions extends ConfigOptions {
  readonly json?: boolean
}

/** `gitops watch`. */
export const watchCommand: Verb<WatchOptions> = {
  name: 'watch',
  summary: 'reconcile now and then again on the schedule, each time in a process of its own, until stopped',
  options: [new Option('--json', 'one JSON object a line'), configOption],
  async run(options) {
    try {
      const file = configFile(options)
      const { config } = await open(file)
      if (config.schedule === null) {
        throw new GitopsError('config', `${file} has no schedule`, {
          hint: "Add schedule: { every: '60s' }, or set GITOPS_CHECK_INTERVAL.",
        })
      }
      // What is never due is refused before anything is done.
      nextRun(config.schedule, new Date(), new Date())
      const stop = new AbortController()
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort())
      while (!stop.signal.aborted) {
        const started = new Date()
        // Otherwise a log of many runs tells nobody when each was.
        if (options.json === true) print(JSON.stringify({ kind: 'run', at: started.toISOString() }))
        else print(styled('dim', `— ${isoSeconds(started, -started.getTimezoneOffset())} —`))
        await tick(file, options.json === true, stop.signal)
        await until(nextRun(config.schedule, started, new Date()), stop.signal)
      }
      if (options.json !== true) print('gitops: stopped')
      return 0
    } catch (error) {
      return complain(error as Error)
    }
  },
}

/** One reconcile in a child: it sees a changed config, and whatever happens to it, the next one comes. */
function tick(file: string, json: boolean, stop: AbortSignal): Promise<void> {
  const main = process.argv[1] ?? ''
  const child = spawn(process.execPath, [...process.execArgv, main, 'reconcile', '--config', file, ...(json ? ['--json'] : [])], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  // What the child began it undoes itself; we wait for it.
  const pass = (): void => void child.kill('SIGTERM')
  stop.addEventListener('abort', pass, { once: true })
  if (stop.aborted) pass()
  return new Promise((resolve) => {
    const end = (): void => {
      stop.removeEventListener('abort', pass)
      resolve()
    }
    child.once('error', end)
    child.once('close', end)
  })
}

/** Waits by the clock on the wall, in short steps, so that a machine that slept is not late by the time it slept. */
function until(moment: Date, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const end = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', end)
      resolve()
    }
    const look = (): void => {
      const left = moment.getTime() - Date.now()
      if (left <= 0 || stop.aborted) end()
      else timer = setTimeout(look, Math.min(left, 30_000))
    }
    stop.addEventListener('abort', end, { once: true })
    look()
  })
}
