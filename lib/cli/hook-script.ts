import { shellWord } from './shell-word.ts'

/** The hooks that judge what is committed and what is pushed. */
export const HOOKS = ['pre-commit', 'pre-push'] as const

const USUAL = '/usr/local/bin:/opt/homebrew/bin:$HOME/.local/bin:$HOME/.volta/bin'

/**
 * The lines of `sh` for a hook. Without gitops, or the Node that it needs, they say so and block nothing. What a person clicks in has a
 * thin PATH: the usual places come after it, and `node`, a directory of this machine, where the hook is not one of a team.
 */
export function hookCommands(name: (typeof HOOKS)[number], node: string | null): string {
  const path = `"$PATH:${USUAL}"${node === null ? '' : `:${shellWord(node)}`}`
  const flag = name === 'pre-commit' ? '--staged' : '--pre-push'
  const feed = name === 'pre-push' ? `printf '%s\\n' "$gitops_lines" | ` : ''
  return [
    ...(name === 'pre-push' ? ['gitops_lines=$(cat)'] : []),
    '(',
    `  PATH=${path}; export PATH`,
    '  if [ -x ./node_modules/.bin/gitops ]; then found=./node_modules/.bin/gitops; else found=$(command -v gitops); fi',
    '  if [ -z "$found" ] || ! command -v node >/dev/null; then',
    `    echo 'gitops: not found, so that nothing was judged; npm install --save-dev gitops brings it.' >&2`,
    '    exit 0',
    '  fi',
    `  ${feed}"$found" validate ${flag} >&2`,
    ') || exit',
    // Who comes after us reads the same lines.
    ...(name === 'pre-push'
      ? ['if [ -n "$gitops_lines" ]; then exec <<GITOPS_LINES', '$gitops_lines', 'GITOPS_LINES', 'else exec </dev/null; fi']
      : []),
    '',
  ].join('\n')
}

/** Tools that write the files of hooks anew, by the files that they are set up with, and what to add there. */
export const TOOLS: readonly (readonly [files: readonly string[], lines: string])[] = [
  [
    ['lefthook.yml', 'lefthook.yaml', '.lefthook.yml', '.lefthook.yaml', '.config/lefthook.yml', 'lefthook.toml', 'lefthook.json'],
    `pre-commit:
  commands:
    gitops:
      run: npx --no gitops validate --staged
pre-push:
  commands:
    gitops:
      use_stdin: true
      run: npx --no gitops validate --pre-push`,
  ],
]
