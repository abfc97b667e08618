import type { Finding } from '../model/finding.ts'
import { plain } from './finding-text.ts'

/** Findings as a log of the Static Analysis Results Interchange Format, 2.1.0. `version` is ours. */
export function sarifOf(findings: readonly Finding[], version: string): object {
  const rules = [...new Set(findings.map(({ rule }) => rule))].toSorted()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'gitops', version, rules: rules.map((id) => ({ id: plain(id) })) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map((each) => resultOf(each, rules)),
      },
    ],
  }
}

function resultOf({ rule, severity, path, line, column, message, hint, commit }: Finding, rules: readonly string[]): object {
  const text = [plain(message), hint === null ? null : plain(hint)].filter(Boolean).join('\n')
  const region = line === null ? {} : { region: { startLine: line, ...(column !== null && { startColumn: column }) } }
  const artifactLocation = { uri: (path ?? '').split('/').map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' }
  return {
    ruleId: plain(rule),
    ruleIndex: rules.indexOf(rule),
    level: severity,
    message: { text },
    locations: path === null ? [] : [{ physicalLocation: { artifactLocation, ...region } }],
    ...(commit !== null && { properties: { commit } }),
  }
}
