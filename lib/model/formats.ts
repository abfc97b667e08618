/** The names of the strategies that are here without a plug-in. */
export const BUILT_IN: readonly string[] = ['json', 'jsonc', 'yaml', 'toml']

/** The strategy that a file's name asks for; null for a name that says nothing. */
export function strategyFor(path: string): string | null {
  const [, ending = ''] = /\.(\w+)$/.exec(path.toLowerCase()) ?? []
  return ending === 'yml' ? 'yaml' : BUILT_IN.includes(ending) ? ending : null
}
