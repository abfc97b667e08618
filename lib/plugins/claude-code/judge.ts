import { GitopsError } from '../../model/errors.ts'
import type { CheckContext, Files } from '../contract.ts'
import { filesNamed } from './commands.ts'
import type { Finding } from './finding.ts'
import { hasFrontMatter, judgeFrontMatter } from './front-matter.ts'
import { isConfiguration, isRuntime, type Places } from './places.ts'
import { judgeSettings, type Command } from './settings.ts'

/** What a configuration is judged by. */
export interface Judged {
  /** The directory that holds it: the stage, or the live one. */
  readonly at: string
  readonly home: string
  /** Where it lies when it is live. */
  readonly directory: string
  /** Files below it that are this machine's own, though settings name them. */
  readonly local: readonly string[]
  /** The directory in the source that it is made of. */
  readonly from: string
}

/** The candidate, before anything is written: each fault is reported with its place; what is only unknown is a warning. */
export async function judgeCandidate(
  { files, home, stage, report }: CheckContext,
  target: string,
  places: Places,
  { local, from }: Pick<Judged, 'local' | 'from'>,
): Promise<void> {
  const at = `${stage ?? ''}/${target}`
  const all = files.below(at)
  const settings = judgeSettingsAt(files, { at, home, directory: places.directory, local, from })
  const findings = [...settings.findings, ...judgeObject(files, at, 'keybindings.json')]
  for (const path of all.filter(hasFrontMatter)) findings.push(...(await judgeFrontMatter(path, files.text(`${at}/${path}`))))
  findings.push(...strangers(all, settings.named))
  for (const { kind, place, ...found } of findings) report({ ...found, severity: kind, path: `${target}/${place}` })
}

/** What is live, after it was written: its settings are read, and what they name is there and can be run. Throws `check`. */
export function judgeLive({ files, home }: CheckContext, places: Places, { local, from }: Pick<Judged, 'local' | 'from'>): void {
  const { findings } = judgeSettingsAt(files, { at: places.directory, home, directory: places.directory, local, from })
  if (files.kind(places.account) !== null) findings.push(...judgeJson(files, places.account, places.account).findings)
  refuse(findings, 'Claude Code would start without it.')
}

function refuse(findings: readonly Finding[], hint: string): void {
  const errors = findings.filter(({ kind }) => kind === 'error')
  if (errors.length === 0) return
  throw new GitopsError('check', errors.map(({ place, message }) => `${place}: ${message}`).join('\n'), { hint })
}

/** The settings and every file that they name. */
function judgeSettingsAt(files: Files, judged: Judged): { findings: Finding[]; named: readonly string[] } {
  const path = `${judged.at}/settings.json`
  // An empty file is as good as none.
  if (files.kind(path) === null || files.text(path).trim() === '') return { findings: [], named: [] }
  const { findings, value } = judgeJson(files, path, 'settings.json')
  if (findings.length > 0) return { findings, named: [] }
  const settings = judgeSettings(value)
  const named = settings.commands.flatMap((command) => judgeCommand(files, command, judged))
  return { findings: [...settings.findings, ...named.flatMap(({ finding }) => finding ?? [])], named: named.map(({ path: each }) => each) }
}

function judgeCommand(
  files: Files,
  { place, command }: Command,
  { at, home, directory, local, from }: Judged,
): { path: string; finding: Finding | null }[] {
  return filesNamed(command, { home, directory })
    .filter(({ path }) => !isRuntime(path) && !local.includes(path))
    .map(({ path, as }) => {
      const kind = files.kind(`${at}/${path}`)
      const names = `${place} ${as === 'run' ? 'runs' : 'names'} ${path}`
      const finding = (message: string): { path: string; finding: Finding } => ({
        path,
        finding: { kind: as === 'named' ? 'warning' : 'error', place: 'settings.json', message, at: place.split('.') },
      })
      if (kind === null) return finding(`${names}, which is not there; add it, or list it in \`local\` when it is this machine's own`)
      if (as === 'run' && kind !== 'executable')
        return finding(`${names}, which is not executable: git update-index --chmod=+x ${from === '.' ? '' : `${from}/`}${path}`)
      return { path, finding: null }
    })
}

function judgeObject(files: Files, at: string, path: string): Finding[] {
  if (files.kind(`${at}/${path}`) === null) return []
  const { findings, value } = judgeJson(files, `${at}/${path}`, path)
  if (findings.length > 0 || (typeof value === 'object' && value !== null && !Array.isArray(value))) return findings
  return [{ kind: 'error', place: path, message: 'must be a JSON object' }]
}

function judgeJson(files: Files, path: string, place: string): { findings: Finding[]; value: unknown } {
  try {
    return { findings: [], value: JSON.parse(files.text(path).replace(/^\uFEFF/, '')) }
  } catch {
    // What the parser quotes of a file may be a secret.
    return {
      findings: [{ kind: 'error', place, message: 'is no JSON, which here knows no comments and no comma behind a last entry' }],
      value: null,
    }
  }
}

/** What Claude Code is not known to read, one line a name at the top. */
function strangers(all: readonly string[], named: readonly string[]): Finding[] {
  const strange = all.filter((path) => !isConfiguration(path) && !named.includes(path)).map((path) => path.split('/')[0] ?? path)
  return [...new Set(strange)].map((place) => ({
    kind: 'warning',
    place,
    message: 'is nothing that Claude Code is known to read; it is put in place all the same',
  }))
}
