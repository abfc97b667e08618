import { Option } from 'commander'
import { join } from 'node:path'
import { findProgram } from '../../host/foreground.ts'
import { installTextconv } from '../../host/git-textconv.ts'
import { findIdentities } from '../../host/identities.ts'
import { machine } from '../../host/machine.ts'
import { GitopsError } from '../../model/errors.ts'
import { diffView, type ViewOptions } from '../../secrets/sops/diff-view.ts'
import { looksEncrypted } from '../../secrets/sops/sniff.ts'
import { cipherMark, marker } from '../diff-marks.ts'
import { eachFile, withExitCode } from '../encrypted-files.ts'
import { print } from '../messages.ts'
import type { Verb } from '../program.ts'
import { shellWord } from '../shell-word.ts'

interface GitDiffOptions {
  readonly install?: boolean
  readonly showValues?: boolean
}

/** `gitops git-diff`. */
export const gitDiffCommand: Verb<GitDiffOptions> = {
  name: 'git-diff',
  summary: 'show SOPS files so that Git can compare them: keys, and a mark in the place of each encrypted value',
  arguments: [['[file...]', 'SOPS files, as Git names them to a textconv; any other file is printed as it is']],
  options: [
    new Option('--install', 'let `git diff`, `git log -p` and `git show` in this repository use it'),
    new Option('--show-values', 'the values themselves'),
  ],
  run: (options, names) =>
    withExitCode(async () => {
      if (options.install === true) return install()
      if (names.length === 0) throw new GitopsError('usage', 'no file is named', { hint: 'Name one, or set it up with --install.' })
      // Nobody is asked for a passphrase while a diff is shown.
      const view: ViewOptions = {
        identities: await findIdentities(machine()),
        mark: marker(),
        cipherMark,
        showValues: options.showValues ?? false,
      }
      return eachFile(names, { content: 'ciphertext' }, async ({ bytes }) => {
        const text = await diffView(bytes, view)
        return text === null ? bytes : Buffer.from(text)
      })
    }),
}

async function install(): Promise<number> {
  const { cwd } = machine()
  const { added, others, top, tracked } = await installTextconv(cwd, 'gitops', commandLine(), looksEncrypted)
  for (const file of added) print(`${file} is shown by gitops from now on.`)
  for (const file of others) print(`${file} is shown by another diff driver, which stays.`)
  print(
    added.length > 0
      ? `Commit ${join(top, '.gitattributes')}; every clone needs \`gitops git-diff --install\` once.`
      : tracked === 0
        ? 'Git tracks no encrypted file here yet: say it again when one is added.'
        : 'Every encrypted file that Git tracks is known already.',
  )
  print('`git -c diff.gitops.textconv="gitops git-diff --show-values" diff` shows the values.')
  return 0
}

/**
 * Git runs it by a shell, wherever the user is. What lies in a project's node_modules is in PATH only while npm runs it, and may be gone
 * tomorrow: the file as it is shows more than a `git diff` that fails.
 */
function commandLine(): string {
  const { env } = machine()
  const found = findProgram('gitops', env['PATH'])
  if (found !== null && !found.includes('node_modules')) return 'gitops git-diff'
  const [node, script] = [shellWord(process.execPath), shellWord(process.argv[1] ?? '')]
  return `f() { test -e ${script} && ${node} ${script} git-diff "$1" || cat "$1"; }; f`
}
