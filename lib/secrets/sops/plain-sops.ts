import type { SopsFormat } from './store.ts'

/**
 * The options that the real `sops decrypt` needs to read a file of this format under this name, and to print it as it was.
 * It goes by the name alone, and takes every ending it does not know for binary.
 */
export function plainSopsOptions(path: string, format: SopsFormat): readonly string[] {
  const assumed = byName(path)
  if (assumed === format) return []
  // Its reader of binary files is that of JSON, so only what it prints must be said.
  if (format === 'json' && assumed === 'binary') return ['--output-type', 'json']
  return ['--input-type', format, '--output-type', format]
}

function byName(path: string): SopsFormat | 'dotenv' | 'ini' {
  if (/\.ya?ml$/.test(path)) return 'yaml'
  if (path.endsWith('.json')) return 'json'
  if (path.endsWith('.env')) return 'dotenv'
  return path.endsWith('.ini') ? 'ini' : 'binary'
}
