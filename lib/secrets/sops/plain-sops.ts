import { formatByEnding, type SopsFormat } from './file-format.ts'

/**
 * The options that the real `sops decrypt` needs to read a file of this format under this name, and to print it as it was.
 * It goes by the name alone, and takes every ending it does not know for binary.
 */
export function plainSopsOptions(path: string, format: SopsFormat): readonly string[] {
  const assumed = formatByEnding(path)
  if (assumed === format) return []
  // Its reader of binary files is that of JSON, so only what it prints must be said.
  if (format === 'json' && assumed === 'binary') return ['--output-type', 'json']
  return ['--input-type', format, '--output-type', format]
}
