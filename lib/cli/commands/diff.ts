import { Option } from 'commander'
import { session, type Rendering } from '../../../tasks/session.ts'
import { differences, secretDifferences, type Difference } from '../../../tasks/differences.ts'
import { printable } from '../../model/errors.ts'
import { handedOver, handOver } from '../handover.ts'
import { complain, print, printVerdict, styled, tell } from '../messages.ts'
import { diffReport } from '../../../tasks/diff-report.ts'
import { configOption, patience, waitOption, type ConfigOptions, type WaitOptions } from '../config-option.ts'
import { configFile, interruptible, open } from '../open.ts'
import type { Verb } from '../program.ts'

interface DiffOptions extends ConfigOptions, WaitOptions {
  readonly json?: boolean
}

/** `gitops diff`. */
export const diffCommand: Verb<DiffOptions> = {
  name: 'diff',
  summary: 'what a reconcile would change, line by line; exit 3 when there is something',
  options: [new Option('--json', 'one JSON object: each path and what becomes of it, without content'), waitOption, configOption],
  async run(options) {
    try {
      const given = handedOver()
      const signal = interruptible()
      const { config, machine } = await open(configFile(options), given?.incoming)
      const beginning = { dry: true, fetch: true, allowShrink: false, signal, machine, handedOver: given, wait: patience(options) }
      const { run, verdict, code } = await session(config, beginning, { renderer: 'silent' } as unknown as Rendering, {
        handOver: (begun) => handOver(begun, signal),
      })
      if (verdict === null) return code
      if (options.json === true) {
        const { outcome, message } = verdict
        print(JSON.stringify({ kind: 'diff', outcome, exitCode: code, message, paths: diffReport(run) }))
        return code
      }
      // What became of the clone that holds the config decides what is compared.
      for (const { name, pulled } of run.units)
        for (const news of [pulled?.note ?? null, pulled?.problem ?? null]) if (news !== null) tell(`${name}: ${news}`)
      for (const unit of run.units) {
        for (const difference of secretDifferences(unit)) await draw(difference)
        for await (const difference of differences(run, unit)) await draw(difference)
      }
      if (verdict.outcome !== 'in-sync' || code !== 0) printVerdict(verdict)
      return code
    } catch (error) {
      return complain(error as Error, options.json)
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
