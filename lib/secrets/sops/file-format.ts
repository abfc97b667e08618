/** The ways in which a file can be encrypted, as `sops --input-type` names them. */
export const SOPS_FORMATS = ['json', 'yaml', 'dotenv', 'ini', 'binary'] as const

/**
 * How a file is encrypted. `binary` is any file as one value in a JSON envelope, also when what it holds is itself JSON;
 * the others keep their structure in clear.
 */
export type SopsFormat = (typeof SOPS_FORMATS)[number]

/** How a format is called in a sentence. */
export const FORMAT_NAMES: Readonly<Record<SopsFormat, string>> = {
  json: 'JSON',
  yaml: 'YAML',
  dotenv: 'dotenv',
  ini: 'INI',
  binary: 'a binary file',
}

const ENDINGS: readonly (readonly [ending: RegExp, format: SopsFormat])[] = [
  [/\.json$/, 'json'],
  [/\.ya?ml$/, 'yaml'],
  [/\.env$/, 'dotenv'],
  [/\.ini$/, 'ini'],
]

/** The format that SOPS takes a file for, by the ending of its name or path alone. To it `.env.local` is binary. */
export function formatByEnding(name: string): SopsFormat {
  return ENDINGS.find(([ending]) => ending.test(name))?.[1] ?? 'binary'
}

/** The format of a file in clear by its name or path, without one last `.enc`, `.sops` or `.encrypted`. An encrypted file tells its format itself. */
export function formatOf(name: string): SopsFormat {
  return formatByEnding(name.replace(/\.(?:enc|sops|encrypted)$/, ''))
}
