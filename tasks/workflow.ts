import { isConfigTest } from '../lib/gate/config-tests.ts'
import { workflowText } from '../lib/gate/workflow.ts'
import type { JudgedTree } from '../lib/host/judged-tree.ts'
import { realPath } from '../lib/host/live.ts'
import { listTree } from '../lib/host/objects.ts'
import type { Config } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isWithin, type AbsPath } from '../lib/model/path.ts'
import { ownSources } from './own-sources.ts'

/** Where it lies, below the top of the repository. */
export const WORKFLOW_FILE = '.github/workflows/gitops.yml'

/** The workflow that judges the repository of a config. Throws `usage` where no source of the config is this repository. */
export async function workflowOf(config: Config, judged: JudgedTree, version: string, signal: AbortSignal): Promise<string> {
  const { names, findings } = await ownSources(config, judged, null)
  const [wrong] = findings
  if (wrong !== undefined)
    throw new GitopsError('usage', wrong.message, { hint: 'Run it in a repository that the config names as a source.' })
  const files = ((await listTree(judged.repository, judged.tree, null, signal)) ?? []).map(({ path }): string => path)
  const file = config.file === null ? null : below(judged.top, realPath(config.file) ?? config.file)
  if (file === null)
    throw new GitopsError('usage', `${config.file} is not in the repository ${judged.top}, so that its CI would find no config`, {
      hint: 'Move it there, or name another one with --config FILE.',
    })
  const directory = file.replace(/\/?[^/]*$/, '')
  const lock = `${directory === '' ? '' : `${directory}/`}package-lock.json`
  const own = config.sources.filter(({ name }) => names.includes(name))
  return workflowText({
    branch: own.map(({ ref }) => ref).find((ref) => ref !== null && !/^[0-9a-f]{40}$/.test(ref)) ?? 'main',
    paths: withoutCovered([...managed(config, names), ...modules(config, judged.top), ...(files.includes(lock) ? [lock] : []), ...JUDGES]),
    directory,
    locked: files.includes(lock),
    version,
    tests: files.some(isConfigTest),
  })
}

/** What judges, beside the config. */
const JUDGES = ['**/.sops.yaml', '**/*gitops.test.*', WORKFLOW_FILE]

function managed({ targets, secrets }: Config, names: readonly string[]): string[] {
  const own = <Part extends { readonly source: string }>(parts: readonly Part[]): Part[] =>
    parts.filter(({ source }) => names.includes(source))
  return [
    ...own(targets).map(({ from }) => (from === null ? '**' : `${literal(from)}/**`)),
    ...own(secrets).flatMap(({ from, plain }) => [from, plain].flatMap((path) => (path === null ? [] : [literal(path)]))),
  ]
}

/** Each once, and none that lies below another. */
function withoutCovered(paths: readonly string[]): string[] {
  const trees = paths.filter((path) => path.endsWith('/**')).map((path) => path.slice(0, -2))
  const covered = (path: string): boolean => trees.some((tree) => path.startsWith(tree) && path !== `${tree}**`)
  return [...new Set(paths)].filter((path) => !covered(path))
}

/** The config, and what it imports. */
function modules(config: Config, top: AbsPath): string[] {
  return config.modules.flatMap((path) => {
    const inside = below(top, path)
    return inside === null || inside.includes('node_modules/') ? [] : [literal(inside)]
  })
}

function below(top: AbsPath, path: AbsPath): string | null {
  return isWithin(path, top) ? path.slice(top.length + 1) : null
}

/** A path as a filter of GitHub that means only itself. */
function literal(path: string): string {
  return path.replaceAll(/[*?+[\]!\\]/g, '\\$&')
}
