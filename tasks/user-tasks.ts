import type { Body, Task } from '../lib/model/config.ts'
import { hiding } from './hide.ts'
import type { Run, Teller, Unit } from './run.ts'

/** The user's tasks before the first change. */
export function before(run: Run, unit: Unit, task: Teller): Promise<void> {
  return all(run, unit, run.config.tasks.before, task)
}

/** The user's tasks after the last change. */
export function after(run: Run, unit: Unit, task: Teller): Promise<void> {
  return all(run, unit, run.config.tasks.after, task)
}

async function all(run: Run, unit: Unit, tasks: readonly Task[], teller: Teller): Promise<void> {
  for (const task of tasks.filter((task) => task.source === null || task.source === unit.name)) {
    teller.output = task.name
    const { undo } = task
    // Remembered first: a task that failed half-way is taken back too.
    if (undo !== null) unit.undos.push(() => one(run, unit, task, undo, 'undo of task', new AbortController().signal))
    await one(run, unit, task, task.run, 'task', run.signal)
  }
}

async function one(run: Run, unit: Unit, task: Task, body: Body<never>, what: string, signal: AbortSignal): Promise<void> {
  await run.host.attempt({
    what: `${what} ${JSON.stringify(task.name)}`,
    run: body,
    cwd: run.config.home,
    home: run.config.home,
    source: unit.name,
    revision: unit.commit,
    stage: null,
    timeout: task.timeout,
    signal,
    hide: hiding(run),
  })
}
