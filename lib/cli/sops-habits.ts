import { existsSync } from 'node:fs'

const FLAGS: Readonly<Record<string, string>> = {
  '-d': 'decrypt',
  '--decrypt': 'decrypt',
  '-e': 'encrypt',
  '--encrypt': 'encrypt',
  '-r': 'rotate',
  '--rotate': 'rotate',
  '--set': 'set',
  '--extract': 'get',
}

const COMMANDS: Readonly<Record<string, string>> = {
  updatekeys: 'Change .sops.yaml, and `gitops rotate -i FILE` gives the file the recipients of its rule, under a new data key.',
  'exec-file': 'Use `gitops exec-env FILE`, or `gitops decrypt FILE | program`.',
  publish: 'That one is of `sops` alone.',
  keyservice: 'That one is of `sops` alone.',
  groups: 'Write `key_groups` into .sops.yaml: `gitops rotate -i FILE` gives a file the groups of its rule.',
}

/** What somebody who types as for `sops` wants here, in a sentence; null when it is nothing of that kind. Values are not repeated. */
export function sopsHabit(words: readonly string[]): string | null {
  const flag = words.find((word) => Object.hasOwn(FLAGS, word))
  const first = words.find((word) => !word.startsWith('-'))
  if (words[0]?.startsWith('-') === true && flag !== undefined) return `\`sops ${flag}\` is \`gitops ${FLAGS[flag]}\` here.`
  if (first === undefined) return null
  if (Object.hasOwn(COMMANDS, first)) return COMMANDS[first] ?? null
  return existsSync(first) ? `To change that file: \`gitops edit ${first}\`. To print it: \`gitops decrypt ${first}\`.` : null
}
