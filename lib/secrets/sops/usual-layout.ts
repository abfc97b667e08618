import type { SopsFormat } from './file-format.ts'
import type { Source } from './format.ts'
import type { JsonLayout } from './json-write.ts'
import type { Indents } from './policy-fields.ts'

/** The text with the layout of what shows none of its own: on one line, flat, or in a binary envelope. */
export function laidOut(source: Source, format: SopsFormat, indents: Indents | undefined): Source {
  return indents === undefined ? source : { ...source, usual: usualLayout(format, indents) }
}

/** In terms of the format's store; undefined where the `.sops.yaml` does not say, and the usual way of SOPS is meant. */
function usualLayout(format: SopsFormat, { json, binary, yaml }: Indents): JsonLayout | number | undefined {
  if (format === 'yaml') return yaml ?? undefined
  const indent = format === 'json' ? json : format === 'binary' ? binary : null
  return indent === null ? undefined : { indent: indent < 0 ? '\t' : ' '.repeat(indent), escapes: false }
}
