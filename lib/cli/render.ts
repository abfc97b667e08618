import type { ListrTaskObject } from 'listr2'
import { printable } from '../model/errors.ts'
import { span } from '../model/schedule.ts'
import { print } from './messages.ts'

type AnyTask = ListrTaskObject<unknown, never, never>

/** One thing that happened to one step. */
interface Happening {
  readonly path: readonly string[]
  readonly state: 'completed' | 'failed' | 'skipped' | 'rolled-back' | 'output'
  readonly text: string
  /** Milliseconds, for completed steps. */
  readonly duration?: number
}

/** What listr2 asks of a renderer; ours writes each event once, in order, to standard output. */
abstract class EventRenderer {
  static nonTTY = true
  static rendererOptions = {}
  static rendererTaskOptions = {}
  readonly #tasks: AnyTask[]

  constructor(tasks: AnyTask[]) {
    this.#tasks = tasks
  }

  abstract write(happening: Happening): void

  render(): void {
    this.#watch(this.#tasks)
  }

  end(): void {}

  #watch(tasks: readonly AnyTask[]): void {
    for (const task of tasks) {
      const listen = task as unknown as { on(event: string, hear: (value: never) => void): void }
      const tell = (state: Happening['state'], text: string, duration?: number): void => {
        const trail = trailOf(task)
        // The title says first what the step is and then, two blanks apart, what became of it.
        this.write({ path: trail, state, text: printable(text), ...(duration !== undefined && { duration }) })
      }
      listen.on('SUBTASK', (subtasks: AnyTask[]) => this.#watch(subtasks))
      listen.on('OUTPUT', (text: string) => tell('output', text))
      listen.on('MESSAGE', (message: { error?: string; skip?: string }) => {
        if (message.error !== undefined && !task.hasSubtasks()) tell('failed', message.error)
        else if (message.skip !== undefined) tell('skipped', message.skip)
      })
      listen.on('STATE', (state: string) => {
        if (state === 'COMPLETED' && !task.hasSubtasks()) tell('completed', result(task), task.message.duration)
        else if (state === 'ROLLED_BACK') tell('rolled-back', result(task))
      })
    }
  }
}

/** One line an event, for pipes and logs. */
export class LineRenderer extends EventRenderer {
  override write({ path, state, text, duration }: Happening): void {
    const took = duration !== undefined && duration >= 100 ? `  (${span(duration)})` : ''
    print(`${path.join(' · ')}${became(state, text)}${took}`.replaceAll('\n', '\n  '))
  }
}

function became(state: Happening['state'], text: string): string {
  if (state === 'output') return `: ${text}`
  // What was completed or rolled back says so in its own words.
  if (state === 'completed' || state === 'rolled-back') return text === '' ? '' : `  ${text}`
  return `  ${state}${text === '' ? '' : `: ${text}`}`
}

/** One JSON object a line, for programs. */
export class JsonRenderer extends EventRenderer {
  override write(happening: Happening): void {
    print(JSON.stringify({ kind: 'step', ...happening }))
  }
}

function trailOf(task: AnyTask): string[] {
  const above = task.parent as AnyTask | undefined
  return [...(above === undefined ? [] : trailOf(above)), (task.initialTitle ?? '').split('  ')[0] ?? '']
}

function result(task: AnyTask): string {
  return (task.title ?? '').split('  ').slice(1).join('  ')
}
