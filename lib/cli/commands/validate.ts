import { Option } from 'commander'
import { judge, type GateRequest, type Judgement } from '../../../tasks/gate.ts'
import { judgedTree, type Asked } from '../../host/judged-tree.ts'
import { machine } from '../../host/machine.ts'
import { GitopsError, printable } from '../../model/errors.ts'
import { ordered, tallied } from '../../model/finding.ts'
import { absPath } from '../../model/path.ts'
import { configOption } from '../config-option.ts'
import { readStandardInput } from '../encrypted-files.ts'
import { printFindings } from '../findings.ts'
import { complain, print } from '../messages.ts'
import { configOf, type JudgedConfig } from '../judged-config.ts'
import { interruptible, searched } from '../open.ts'
import { version, type Verb } from '../program.ts'

interface ValidateOptions extends JudgedConfig {
  readonly staged?: boolean
  readonly commits?: string
  readonly source?: string
  readonly prePush?: boolean
  readonly json?: boolean
  readonly format?: 'people' | 'json' | 'github' | 'sarif'
}

/** `gitops validate`. */
export const validateCommand: Verb<ValidateOptions> = {
  name: 'validate',
  summary: 'judges what would be merged: syntax, config, checks; exit 1 on errors',
  options: [
    new Option('--staged', 'what is staged, and of single files only those').conflicts(['commits', 'prePush']),
    new Option('--commits <range>', 'the commits of A..B, and the tree of B').conflicts('prePush'),
    new Option('--pre-push', 'what a push adds, as Git tells its pre-push hook'),
    new Option('--source <name>', 'the source that this repository is'),
    new Option('--host <name>', 'as on another host; the config is told its name'),
    new Option('--platform <name>', 'as on that platform').choices(['linux', 'darwin', 'win32']),
    new Option('--home <dir>', "what '~' means on that host"),
    new Option('--format <name>', 'for whom it is printed').choices(['people', 'json', 'github', 'sarif']),
    new Option('--json', 'the same as --format json: one JSON object'),
    configOption,
  ],
  async run(options) {
    const format = options.json === true ? 'json' : (options.format ?? 'people')
    try {
      const signal = interruptible()
      const wanted = options.prePush === true ? pushed((await readStandardInput()).toString()) : [asked(options)]
      const judgements: Judgement[] = []
      for (const each of wanted) judgements.push(await judged(options, each, signal))
      const judgement = together(judgements)
      await FORMATS[format](judgement)
      return tallied(judgement.findings).errors > 0 ? 1 : 0
    } catch (error) {
      return complain(error as Error, format === 'json')
    }
  },
}

const FORMATS: Readonly<Record<NonNullable<ValidateOptions['format']>, (judgement: Judgement) => void | Promise<void>>> = {
  people: printFindings,
  json({ findings, notes, files }) {
    const { errors, warnings } = tallied(findings)
    print(printable(JSON.stringify({ kind: 'validate', exitCode: errors > 0 ? 1 : 0, errors, warnings, files, findings, notes })))
  },
  github: async (judgement) => (await import('../github-format.ts')).printAnnotations(judgement),
  sarif: async ({ findings }) => print(printable(JSON.stringify((await import('../sarif-format.ts')).sarifOf(findings, version())))),
}

/** Several trees judged as one: what is in more than one of them is told once. */
function together(all: readonly Judgement[]): Judgement {
  const [first] = all
  if (first !== undefined && all.length === 1) return first
  return {
    findings: ordered(all.flatMap(({ findings }) => findings)),
    excerpts: new Map(all.flatMap(({ excerpts }) => [...excerpts])),
    notes: [...new Set(all.flatMap(({ notes }) => notes))],
    files: Math.max(0, ...all.map(({ files }) => files)),
    read: all.reduce((sum, { read }) => sum + read, 0),
  }
}

/** The ranges that a push adds: a line each, `<local ref> <local id> <remote ref> <remote id>`; what is deleted there adds nothing. */
function pushed(lines: string): Asked[] {
  return lines.split('\n').flatMap((line): Asked[] => {
    const [, to = NONE, , from = NONE] = line.trim().split(' ')
    return /^0*$/.test(to) ? [] : [{ kind: 'commits', from: /^0*$/.test(from) ? null : from, to }]
  })
}

const NONE = ''

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
