import { resolve } from 'node:path'
import { Option } from 'commander'
import { machine } from '../../host/machine.ts'
import { printable } from '../../model/errors.ts'
import { formatOf } from '../../secrets/sops/file-format.ts'
import { plainSopsOptions } from '../../secrets/sops/plain-sops.ts'
import { notRead } from '../creation-rule.ts'
import { declaredPlace } from '../declared-place.ts'
import { withExitCode } from '../encrypted-files.ts'
import { explain, type Chosen, type Explanation, type SaidRule, type Terms } from '../explanation.ts'
import { print, styled } from '../messages.ts'
import type { Verb } from '../program.ts'
import { shellWord } from '../shell-word.ts'

interface WhyOptions {
  readonly config?: string
  readonly json?: boolean
}

/** `gitops why`. */
export const whyCommand: Verb<WhyOptions> = {
  name: 'why',
  summary: 'which rule of .sops.yaml says how a file is encrypted and to whom, and whether the file is so',
  arguments: [['<file...>', 'encrypted files, files in clear, or files that are not there yet']],
  options: [
    new Option('--config <file>', 'the .sops.yaml to use, in place of the nearest one; also SOPS_CONFIG'),
    new Option('--json', 'one JSON object a file'),
  ],
  async run(options, names) {
    let first = 0
    for (const [index, name] of names.entries()) {
      const code = await withExitCode(async () => {
        const file = resolve(machine().cwd, name)
        const explanation = await explain(file, (await declaredPlace(file))?.path ?? file, options)
        if (options.json === true) print(JSON.stringify(explanation))
        else print(`${index > 0 ? '\n' : ''}${lines(explanation).join('\n')}`)
        return explanation.problem === null && explanation.differences.length === 0 ? 0 : 1
      })
      first ||= code
    }
    return first
  },
}

function lines(it: Explanation): string[] {
  const sops = ['sops', 'decrypt', ...plainSopsOptions(it.target, it.format), shellWord(it.target)].join(' ')
  return [
    printable(it.file),
    ...(it.target === it.file ? [] : row('goes to', it.target)),
    ...(it.chosen === null ? [] : chosenRows(it.chosen)),
    ...fileRows(it),
    ...(it.encrypted === null ? [] : row('plain sops', sops)),
    ...(it.problem === null ? [] : [styled('red', row('PROBLEM', it.problem).join('\n'))]),
    ...it.differences.map(({ kind, message }) =>
      kind === 'injected' ? styled('red', row('INJECTED', message).join('\n')) : styled('yellow', row('DIFFERS', message).join('\n')),
    ),
    ...advice(it),
  ]
}

function chosenRows({ policy, misnamed, strayKeys, rule, path, shadowed, terms }: Chosen): string[] {
  return [
    ...row('rules', policy),
    ...(misnamed === null ? [] : row('', notRead(misnamed))),
    ...row('', ...strayKeys),
    ...row('rule', `${place(rule)}: ${matched(rule, path)}`),
    ...shadowed.flatMap((one) => row('', `${place(one)} matches as well, and its turn never comes`)),
    ...termRows(terms),
  ]
}

/** Whatever the rule says as well is not said twice. */
function fileRows({ format, encrypted, chosen, differences }: Explanation): string[] {
  if (encrypted === null) return [...row('format', format), ...row('file', 'in clear, or not there')]
  const about = `${format}, encrypted, last changed ${encrypted.lastModified}, by sops ${encrypted.version}`
  return [...row('file', about), ...(chosen === null || differences.length > 0 ? termRows(encrypted).map((line) => `  ${line}`) : [])]
}

function place({ number, line }: SaidRule): string {
  return `${number} (line ${line})`
}

function matched({ pathRegex }: SaidRule, path: string): string {
  return pathRegex === null ? `takes every path, also ${path}` : `${pathRegex} matches ${path}`
}

function termRows({ groups, threshold, otherKeys, selector, macOnlyEncrypted }: Terms): string[] {
  const people =
    groups.length === 1
      ? row('recipients', ...(groups[0] ?? []))
      : [
          ...row('recipients', `keys of ${threshold} of ${groups.length} groups`),
          ...groups.flatMap((group, index) => row('', ...group.map((who, at) => `${at === 0 ? `group ${index + 1}` : '       '}  ${who}`))),
        ]
  return [
    ...people,
    ...(otherKeys.length === 0 ? [] : row('other keys', otherKeys.join(', '))),
    ...row('selector', selector),
    ...(macOnlyEncrypted ? row('MAC', 'over encrypted values only') : []),
  ]
}

/** Commands that lead out. */
function advice({ target, format, problem, differences: found }: Explanation): string[] {
  if (found.length === 0 || problem !== null) return []
  const file = shellWord(target)
  const injected = found.flatMap(({ kind, who }) => (kind === 'injected' && who !== undefined && /^(?:age|ssh-)/.test(who) ? [who] : []))
  const asNamed = format === formatOf(target) ? '' : `--input-type ${format} `
  if (injected.length > 0)
    return row(
      '',
      'If nobody took it out of the rule, find out who put it there. This takes it out of the file, under a new data key:',
      `gitops rotate -i --rm-age '${injected.join(',')}' ${file}`,
    )
  // Only encrypting looks at the selector of the rule.
  if (found.some(({ kind }) => kind === 'selector' || kind === 'mac'))
    return row(
      '',
      'This makes the file as the rule says:',
      `gitops decrypt ${file} | gitops encrypt ${asNamed}--filename-override ${file} -o ${file}`,
    )
  return row('', 'This makes the file as the rule says, under a new data key:', `gitops rotate -i ${file}`)
}

function row(label: string, ...texts: string[]): string[] {
  return texts.map((text, index) => `  ${(index === 0 ? label : '').padEnd(11)} ${printable(text)}`)
}
