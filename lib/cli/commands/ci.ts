import { Option } from 'commander'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { judgedTree } from '../../host/judged-tree.ts'
import { machine } from '../../host/machine.ts'
import { replaceFile } from '../../host/replace.ts'
import { GitopsError } from '../../model/errors.ts'
import { absPath } from '../../model/path.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { complain, print } from '../messages.ts'
import { configFile, interruptible, open, searched } from '../open.ts'
import { version, type Verb } from '../program.ts'

interface CiOptions extends ConfigOptions {
  readonly print?: boolean
  readonly force?: boolean
}

/** `gitops ci github`. */
export const ciCommand: Verb<CiOptions> = {
  name: 'ci',
  summary: 'writes a workflow that judges what is pushed and what is to be merged',
  arguments: [['<forge>', 'github']],
  options: [new Option('--print', 'to standard output instead'), new Option('--force', 'also over one that differs'), configOption],
  async run(options, [forge = '']) {
    try {
      if (forge !== 'github')
        throw new GitopsError('usage', `no workflow is known for ${JSON.stringify(forge)}`, { hint: 'Say `gitops ci github`.' })
      const signal = interruptible()
      const { config } = await open(configFile(options))
      const judged = await judgedTree(absPath(searched()), { kind: 'work-tree' }, machine().home, signal)
      try {
        const { workflowOf, WORKFLOW_FILE } = await import('../../../tasks/workflow.ts')
        const text = await workflowOf(config, judged, version(), signal)
        if (options.print === true) print(text.trimEnd())
        else print(write(judged.top, WORKFLOW_FILE, text, options.force === true))
      } finally {
        judged.release()
      }
      return 0
    } catch (error) {
      return complain(error as Error)
    }
  },
}

/** Throws `usage` for a file that says something else. */
function write(top: string, name: string, text: string, force: boolean): string {
  const path = join(top, name)
  const before = existsSync(path) ? readFileSync(path) : null
  if (before?.toString() === text) return `${name} is there already.`
  if (before !== null && !force)
    throw new GitopsError('usage', `${path} is there, and differs from what the config asks for`, {
      hint: 'See `gitops ci github --print`; with --force it is replaced. Nothing was changed.',
    })
  replaceFile(path, Buffer.from(text), { mode: 0o644, expected: before })
  return `${name} ${before === null ? 'was written' : 'was replaced'}. Commit it; its first lines say how to merge when green.`
}
