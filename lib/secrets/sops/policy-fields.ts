import { fault } from '../fault.ts'

/** A mapping of a `.sops.yaml`. */
export type Fields = ReadonlyMap<unknown, unknown>

/** How deep the writers of SOPS indent, where the file says so: blanks a level, and for JSON -1 for a tab. */
export interface Indents {
  readonly json: number | null
  /** Of the envelope of a binary file. */
  readonly binary: number | null
  readonly yaml: number | null
}

/** What is wrong with a `.sops.yaml`: a sentence's second half, after the file's name. */
export function wrongPolicy(what: string, options: { hint?: string; cause?: unknown } = {}): Error {
  return fault('metadata', `cannot be used: ${what}`, { hint: 'Correct it, and try again.', ...options })
}

/** The mapping that a value is. Throws the complaint for anything else. */
export function entriesOf(value: unknown, complaint: string): Fields {
  if (value instanceof Map) return value
  throw wrongPolicy(complaint, { hint: 'It has `creation_rules:`, a list of mappings with `path_regex:` and `age:`.' })
}

/** A field as text, whatever scalar it is; null when it is absent or empty, which is the same for SOPS. */
export function textOf(fields: Fields, name: string, where: string): string | null {
  const value = fields.get(name)
  if (value === undefined || value === null || value === '') return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw wrongPolicy(`${where} has a ${name} that is not text`)
}

/** Whether a field says something: SOPS takes absent, null and empty for the same. */
export function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
}

/** The part under `stores`. Throws `invalid` for what SOPS refuses itself. */
export function readIndents(stores: unknown): Indents {
  const indentOf = (store: string, least: number): number | null => {
    const fields = stores instanceof Map ? (stores as Fields).get(store) : undefined
    const indent = fields instanceof Map ? (fields as Fields).get('indent') : undefined
    if (indent === undefined || indent === null) return null
    if (typeof indent !== 'number' || !Number.isInteger(indent) || indent < least || indent > 1000)
      throw wrongPolicy(`stores.${store}.indent is not a number of blanks that can be used`)
    return indent
  }
  const yaml = indentOf('yaml', 0)
  return {
    json: indentOf('json', -1),
    binary: indentOf('json_binary', -1),
    // The library below SOPS indents by two where it is asked for what it cannot do.
    yaml: yaml === null || yaml === 0 ? null : yaml < 2 || yaml > 9 ? 2 : yaml,
  }
}
