import type { Finding } from './finding.ts'

/** What Claude Code wants to know of a file before it reads the rest: by the directory it is in. */
const NEEDED: readonly { readonly matches: RegExp; readonly keys: readonly string[] }[] = [
  { matches: /^agents\/.+\.md$/, keys: ['name', 'description'] },
  { matches: /^skills\/[^/]+\/SKILL\.md$/, keys: ['description'] },
  { matches: /^commands\/.+\.md$/, keys: [] },
  { matches: /^output-styles\/.+\.md$/, keys: [] },
]

/** Whether a file has a front matter that is looked at. */
export function hasFrontMatter(path: string): boolean {
  return NEEDED.some(({ matches }) => matches.test(path))
}

/** What is wrong with the front matter of an agent, a command, a skill or an output style. */
export async function judgeFrontMatter(path: string, text: string): Promise<Finding[]> {
  const keys = NEEDED.find(({ matches }) => matches.test(path))?.keys ?? []
  const [, yaml] = /^\uFEFF?---[ \t]*\r?\n([^]*?)^---[ \t]*$/m.exec(text) ?? []
  const warning = (message: string): Finding => ({ kind: 'warning', place: path, message })
  if (yaml === undefined) {
    if (/^\uFEFF?---[ \t]*\r?\n/.test(text))
      return [{ kind: 'error', place: path, message: 'its front matter has no end: a line of three dashes', line: 1 }]
    return keys.length === 0 ? [] : [warning(`has no front matter, which should say its ${keys.join(' and ')}`)]
  }
  const { parseDocument } = await import('yaml')
  const document = parseDocument(yaml, { logLevel: 'silent' })
  const [fault] = document.errors
  if (fault !== undefined) {
    // The line with the dashes comes first.
    const line = (fault.linePos?.[0].line ?? 0) + 1
    return [
      {
        kind: 'error',
        place: path,
        line,
        message: `its front matter is no YAML, line ${line}: ${fault.message.split('\n')[0]?.replace(/ at line.*/, '') ?? ''}`,
      },
    ]
  }
  const value: unknown = document.toJS()
  if (value !== null && (typeof value !== 'object' || Array.isArray(value)))
    return [{ kind: 'error', place: path, message: 'its front matter must be keys and values', line: 1 }]
  const missing = keys.filter((key) => typeof (value as Record<string, unknown> | null)?.[key] !== 'string')
  return missing.length === 0 ? [] : [warning(`its front matter does not say its ${missing.join(' and ')}; Claude Code may pass it over`)]
}
