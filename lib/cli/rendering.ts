import { PRESET_TIMER } from 'listr2'
import type { Rendering } from '../../tasks/session.ts'
import { JsonRenderer, LineRenderer } from './render.ts'

/** How the story is told: listr2's own renderer on a terminal, a line an event in a pipe, JSON when asked for. */
export function rendering(json: boolean): Rendering {
  const renderer = json ? JsonRenderer : process.stdout.isTTY ? 'default' : LineRenderer
  const rendererOptions = {
    // Only what takes long enough to notice tells how long it took.
    timer: { ...PRESET_TIMER, condition: (duration: number) => duration >= 500 },
    collapseSubtasks: false,
    collapseErrors: false,
    // The reason stands below the step's name, not in its place.
    collapseSkips: false,
    icon: { SKIPPED_WITHOUT_COLLAPSE: '↓' },
    showErrorMessage: true,
  }
  return { renderer, rendererOptions } as unknown as Rendering
}
