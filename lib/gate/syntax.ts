import { faultInJson, faultInJsonc, type JsonFault } from '../documents/json-fault.ts'
import { finding, type Finding } from '../model/finding.ts'
import type { RelPath } from '../model/path.ts'

/** A syntax that is known here. */
export type Syntax = 'json' | 'jsonc' | 'yaml' | 'toml'

/** Files that are called `.json` and in which the programs that read them allow comments. */
const LOOSE =
  /(?:^|\/)(?:(?:ts|js)config(?:\.[^/]+)?\.json|\.?devcontainer(?:\/[^/]+)?\.json|\.vscode\/[^/]+\.json|\.eslintrc\.json|\.swcrc)$/i
const ENDINGS: Readonly<Record<string, Syntax>> = { json: 'json', jsonc: 'jsonc', yaml: 'yaml', yml: 'yaml', toml: 'toml' }

/** The syntax of a file: as it is declared where that is known here, else by its name; null for others. */
export function syntaxOf(path: string, declared: string | null = null): Syntax | null {
  if (declared === 'json' || declared === 'jsonc' || declared === 'yaml' || declared === 'toml') return declared
  // A strategy of the user's own knows what it reads.
  if (declared !== null) return null
  return LOOSE.test(path) ? 'jsonc' : (ENDINGS[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ''] ?? null)
}

/** The first fault in a file, or none. Empty YAML, TOML and JSON with comments are fine, empty JSON is not. */
export async function syntaxFindings(path: RelPath, bytes: Buffer, declared: string | null = null): Promise<Finding[]> {
  const syntax = syntaxOf(path, declared)
  if (syntax === null) return []
  const fault = await FAULTS[syntax](bytes.toString('utf8').replace(/^\uFEFF/, ''))
  return fault === null ? [] : [finding(`syntax/${syntax}`, path, fault.message, { line: fault.line, column: fault.column })]
}

const FAULTS: Readonly<Record<Syntax, (text: string) => JsonFault | null | Promise<JsonFault | null>>> = {
  json: faultInJson,
  jsonc: faultInJsonc,
  yaml: yamlFault,
  toml: async (text) => (await import('../documents/toml-fault.ts')).faultInToml(text),
}

async function yamlFault(text: string): Promise<JsonFault | null> {
  const { LineCounter, parseAllDocuments, visit } = await import('yaml')
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
  const faults = ('empty' in documents ? [] : documents).flatMap((document) => {
    const found = document.errors.map(({ pos, message }) => ({ at: pos[0], message }))
    const anchors = new Set<string>()
    visit(document, {
      Value: (_, { anchor }) => void (anchor !== undefined && anchors.add(anchor)),
      Alias: (_, { source, range }) => {
        if (!anchors.has(source))
          found.push({ at: range?.[0] ?? 0, message: `the alias *${source} stands for nothing: there is no &${source} before it` })
      },
    })
    return found
  })
  const [first] = faults.toSorted((a, b) => a.at - b.at)
  if (first === undefined) return null
  const { line, col } = lines.linePos(first.at)
  // The parser's own word for it says nothing to a person.
  return { line, column: col, message: /call stack/.test(first.message) ? 'is nested too deeply to be read' : first.message }
}
