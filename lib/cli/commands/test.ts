import { Option } from 'commander'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { isConfigTest } from '../../gate/config-tests.ts'
import { inForeground } from '../../host/foreground.ts'
import { judgedTree } from '../../host/judged-tree.ts'
import { machine } from '../../host/machine.ts'
import { listTree } from '../../host/objects.ts'
import { GitopsError } from '../../model/errors.ts'
import { absPath } from '../../model/path.ts'
import { CONFIG, TREE } from '../candidate.ts'
import { configFile, searched } from '../open.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { complain } from '../messages.ts'
import type { Verb } from '../program.ts'

interface TestOptions extends ConfigOptions {
  readonly staged?: boolean
}

/** How long one test may take, in milliseconds, where it does not say otherwise. */
const LATE = 60_000

/** `gitops test`. */
export const testCommand: Verb<TestOptions> = {
  name: 'test',
  summary: "runs your tests of the config, by Node's own test runner",
  arguments: [['[file...]', 'tests; otherwise each tracked gitops.test.ts and *.gitops.test.ts']],
  options: [new Option('--staged', 'of what is staged, not of the work tree'), configOption],
  async run(options, names) {
    try {
      const { cwd, env } = machine()
      const missing = names.find((name) => !existsSync(resolve(cwd, name)))
      if (missing !== undefined) throw new GitopsError('usage', `there is no file ${missing}`)
      const files = names.length > 0 ? names.map((name) => resolve(cwd, name)) : await tracked()
      if (files.length === 0)
        throw new GitopsError('usage', 'there is no test of the config here', {
          hint: "Write one, such as gitops.test.ts, with `import { candidate } from 'gitops/test'`, and git add it; or name a file.",
        })
      const { code } = await inForeground({
        command: [process.execPath, '--test', `--test-timeout=${LATE}`, '--test-reporter=spec', ...files],
        env: {
          ...withoutKeys(env),
          [TREE]: options.staged === true ? 'staged' : 'work-tree',
          [CONFIG]: configFile(options),
          NODE_OPTIONS: [env['NODE_OPTIONS'], `--import=${new URL('../test-imports.js', import.meta.url).href}`].filter(Boolean).join(' '),
        },
      })
      return code
    } catch (error) {
      return complain(error as Error)
    }
  },
}

/** A test of a config needs no key. */
function withoutKeys(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SOPS_AGE_')))
}

async function tracked(): Promise<string[]> {
  const { signal } = new AbortController()
  const judged = await judgedTree(absPath(searched()), { kind: 'work-tree' }, machine().home, signal)
  try {
    const entries = (await listTree(judged.repository, judged.tree, null, signal)) ?? []
    return entries.flatMap(({ path, type }) => (isConfigTest(path) && type !== 'link' ? [resolve(judged.top, path)] : []))
  } finally {
    judged.release()
  }
}
