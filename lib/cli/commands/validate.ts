import { Option } from 'commander'
import { existsSync, realpathSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { judge, type GateRequest, type Judgement } from '../../../tasks/gate.ts'
import { configFindings } from '../../gate/config-findings.ts'
import { judgedTree, type Asked, type JudgedTree } from '../../host/judged-tree.ts'
import { machine } from '../../host/machine.ts'
import { GitopsError } from '../../model/errors.ts'
import { finding, ordered, tallied, type Finding } from '../../model/finding.ts'
import { absPath, isWithin, type AbsPath } from '../../model/path.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { printFindings } from '../findings.ts'
import { complain, print } from '../messages.ts'
import { configFile, configPlaces, interruptible, open, searched, type Elsewhere, type Opened } from '../open.ts'
import type { Verb } from '../program.ts'

interface ValidateOptions extends ConfigOptions {
  readonly staged?: boolean
  readonly commits?: string
  readonly source?: string
  readonly host?: string
  readonly platform?: string
  readonly home?: string
  readonly json?: boolean
}

/** `gitops validate`. */
export const validateCommand: Verb<ValidateOptions> = {
  name: 'validate',
  summary: 'judges what would be merged: syntax, config, checks; exit 1 on errors',
  options: [
    new Option('--staged', 'what is staged, and of single files only those').conflicts('commits'),
    new Option('--commits <range>', 'the commits of A..B, and the tree of B'),
    new Option('--source <name>', 'the source that this repository is'),
    new Option('--host <name>', 'as on another host; the config is told its name'),
    new Option('--platform <name>', 'as on that platform').choices(['linux', 'darwin', 'win32']),
    new Option('--home <dir>', "what '~' means on that host"),
    new Option('--json', 'one JSON object'),
    configOption,
  ],
  async run(options) {
    try {
      const judgement = await judged(options, asked(options), interruptible())
      const { errors, warnings } = tallied(judgement.findings)
      if (options.json === true) {
        const { findings, notes, files } = judgement
        print(JSON.stringify({ kind: 'validate', exitCode: errors > 0 ? 1 : 0, errors, warnings, files, findings, notes }))
      } else printFindings(judgement)
      return errors > 0 ? 1 : 0
    } catch (error) {
      return complain(error as Error, options.json)
    }
  },
}

function asked({ staged, commits }: ValidateOptions): Asked {
  if (commits === undefined) return { kind: staged === true ? 'staged' : 'work-tree' }
  const [, from = '', to = ''] = /^(.*?)\.\.(?!\.)(.*)$/.exec(commits) ?? []
  if (from === '')
    throw new GitopsError('usage', `--commits ${JSON.stringify(commits)} is no range of commits`, {
      hint: 'Write A..B: what B has and A has not.',
    })
  // What a forge says of a branch that is new.
  return { kind: 'commits', from: /^0+$/.test(from) ? null : from, to: to === '' ? 'HEAD' : to }
}

/** One tree, judged. */
async function judged(options: ValidateOptions, wanted: Asked, signal: AbortSignal): Promise<Judgement> {
  const tree = await judgedTree(absPath(searched()), wanted, machine().home, signal)
  try {
    const { opened, findings } = await configOf(options, tree)
    const request: GateRequest = {
      config: opened?.config ?? null,
      machine: opened?.machine ?? machine(),
      judged: tree,
      signal,
      source: opened === null ? null : (options.source ?? null),
    }
    const judgement = await judge(request)
    return { ...judgement, findings: ordered([...findings, ...judgement.findings]) }
  } finally {
    tree.release()
  }
}

/** The config of the tree, or what is wrong with it. */
async function configOf(options: ValidateOptions, tree: JudgedTree): Promise<{ opened: Opened | null; findings: readonly Finding[] }> {
  if (options.config === undefined && !configPlaces().some((place) => existsSync(place))) {
    const message = 'there is no gitops.config.ts here: only what needs none is judged'
    return {
      opened: null,
      findings: [finding('config/missing', null, message, { severity: 'warning', hint: 'Name it with --config FILE.' })],
    }
  }
  const file = configFile(options)
  try {
    return { opened: await open(file, incoming(tree), elsewhere(options)), findings: [] }
  } catch (error) {
    const known = tree.asked.kind !== 'work-tree' && error instanceof GitopsError ? (error.cause ?? error) : error
    if (!(known instanceof GitopsError) || known.code !== 'config') throw error
    return { opened: null, findings: configFindings(known, pathIn(tree, file), file) }
  }
}

/** The host that the config is asked for. */
function elsewhere({ host, platform, home }: ValidateOptions): Elsewhere {
  return {
    ...(host !== undefined && { hostname: host }),
    ...(platform !== undefined && { platform }),
    ...(home !== undefined && { home: absPath(resolve(machine().cwd, home)) }),
  }
}

/** A tree that is not the work tree has a config of its own. */
function incoming({ asked, tree, head, top, repository }: JudgedTree): Parameters<typeof open>[1] {
  return asked.kind === 'work-tree' ? undefined : { commit: tree, replaces: head ?? tree, top, repository }
}

function pathIn({ top }: JudgedTree, file: AbsPath): string | null {
  const real = existsSync(file) ? realpathSync(file) : file
  return isWithin(real, top) ? relative(top, real).replaceAll('\\', '/') : null
}
