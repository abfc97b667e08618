import { session, type Rendering } from '../../../tasks/session.ts'
import { differences, secretDifferences, type Difference } from '../../../tasks/differences.ts'
import { printable } from '../../model/errors.ts'
import { complain, print, printVerdict, styled } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, interruptible, open } from '../open.ts'
import type { Verb } from '../program.ts'

/** `gitops diff`. */
export const diffCommand: Verb<ConfigOptions> = {
  name: 'diff',
  summary: 'what a reconcile would change, line by line; exit 3 when there is something',
  options: [configOption],
  async run(options) {
    try {
      const { config, machine } = await open(configFile(options))
      const beginning = { dry: true, fetch: true, allowShrink: false, signal: interruptible(), machine, handedOver: null, wait: 10_000 }
      const { run, verdict, code } = await session(config, beginning, { renderer: 'silent' } as unknown as Rendering)
      for (const unit of run.units) {
        for (const difference of secretDifferences(unit)) await draw(difference)
        for await (const difference of differences(run, unit)) await draw(difference)
      }
      if (verdict !== null && (verdict.outcome !== 'in-sync' || code !== 0)) printVerdict(verdict)
      return code
    } catch (error) {
      return complain(error as Error)
    }
  },
}

async function draw({ path, note, before, after, binary }: Difference): Promise<void> {
  print(styled('bold', printable(`${path}${note === '' ? '' : `  (${note})`}`).replaceAll('\n', '\\n')))
  if (binary) return print(styled('dim', '  binary or very large; its bytes differ'))
  if (before === null && after === null) return
  const { structuredPatch } = await import('diff')
  const patch = structuredPatch('before', 'after', before ?? '', after ?? '', undefined, undefined, { context: 3 })
  for (const hunk of patch.hunks) {
    print(styled('cyan', `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`))
    for (const line of hunk.lines) print(colour(printable(line)))
  }
}

function colour(line: string): string {
  return line.startsWith('+') ? styled('green', line) : line.startsWith('-') ? styled('red', line) : line
}
