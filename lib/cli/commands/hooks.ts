import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { hookPlace, hookState, installHook, uninstallHook } from '../../host/git-hooks.ts'
import { machine } from '../../host/machine.ts'
import { GitopsError } from '../../model/errors.ts'
import { HOOKS, hookCommands, TOOLS } from '../hook-script.ts'
import { complain, print } from '../messages.ts'
import type { Verb } from '../program.ts'

/** `gitops hooks`. */
export const hooksCommand: Verb<object> = {
  name: 'hooks',
  summary: "judge what is committed and pushed, by this repository's Git hooks",
  arguments: [['<action>', 'install, uninstall or status']],
  options: [],
  async run(_options, [action = '']) {
    try {
      if (!['install', 'uninstall', 'status'].includes(action))
        throw new GitopsError('usage', `${JSON.stringify(action)} is nothing that hooks can do`, {
          hint: 'Say install, uninstall or status.',
        })
      return await act(action)
    } catch (error) {
      return complain(error as Error)
    }
  },
}

async function act(action: string): Promise<number> {
  const place = await hookPlace(machine().cwd)
  const tool = TOOLS.flatMap(([files, lines]) => files.map((file) => ({ file, lines }))).find(({ file }) =>
    existsSync(join(place.top, file)),
  )
  if (action === 'install' && tool !== undefined) {
    print(`${tool.file} says which hooks there are, and its tool writes their files anew: nothing was written. Add to it:\n\n${tool.lines}`)
    return 1
  }
  // No path of this machine belongs into what a team shares.
  const node = place.committed ? null : dirname(process.execPath)
  for (const name of HOOKS) {
    const file = join(place.directory, name)
    if (action === 'install')
      print(`${file} ${installHook(place, name, hookCommands(name, node)) ? 'runs gitops from now on.' : 'runs gitops already.'}`)
    else if (action === 'uninstall') print(`${file} ${uninstallHook(place, name) ? 'is as it was before gitops.' : 'does not run gitops.'}`)
    else print(`${file} ${hookState(place, name) === 'absent' ? 'does not run gitops.' : 'runs gitops.'}`)
  }
  if (action !== 'uninstall' && !isFound(place.top))
    print('They find no gitops yet, and judge nothing until `npm install --save-dev gitops` has brought it.')
  return 0
}

/** Whether a hook would find gitops. npx shows a PATH of its own, which hooks do not have. */
function isFound(top: string): boolean {
  const usual = (machine().env['PATH'] ?? '').split(delimiter).filter((directory) => !directory.includes('node_modules'))
  return [join(top, 'node_modules/.bin'), ...usual].some((directory) => existsSync(join(directory, 'gitops')))
}
