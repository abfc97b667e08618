import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { git, gitText, type GitOptions } from './git.ts'
import { replaceFile } from './replace.ts'
import { topOf } from './self.ts'

/** What was done to a repository so that it shows its encrypted files. */
export interface Installed {
  /** The work tree. */
  readonly top: string
  /** How many encrypted files Git tracks. */
  readonly tracked: number
  /** Files that it shows from now on, and did not before. */
  readonly added: readonly string[]
  /** Files that another driver shows: those stay as they are. */
  readonly others: readonly string[]
}

/**
 * Sets a diff driver in the configuration of a repository and names it in `.gitattributes` for every tracked file that
 * `isEncrypted` takes for one. Doing it again adds what is new and nothing else. Throws `usage` outside of a work tree.
 */
export async function installTextconv(
  directory: string,
  driver: string,
  command: string,
  isEncrypted: (bytes: Buffer) => boolean,
): Promise<Installed> {
  const top = topOf(directory)
  if (top === null || !existsSync(join(top, '.git')))
    throw new GitopsError('usage', `${directory} is in no work tree of Git`, { hint: 'Change to one.' })
  const run: GitOptions = { cwd: top, asUser: true }
  await gitText(['config', '--local', `diff.${driver}.textconv`, command], run)
  const files = await encryptedFiles(run, top, isEncrypted)
  const drivers = await driversOf(run, files)
  const added = files.filter((file) => ['unspecified', 'set'].includes(drivers.get(file) ?? 'unspecified'))
  const others = files.filter((file) => !added.includes(file) && drivers.get(file) !== driver)
  if (added.length > 0)
    addLines(
      join(top, '.gitattributes'),
      added.map((file) => `${pattern(file)} diff=${driver}`),
    )
  return { top, tracked: files.length, added, others }
}

/** Git finds the words, so that not every file is read here. */
async function encryptedFiles(run: GitOptions, top: string, isEncrypted: (bytes: Buffer) => boolean): Promise<string[]> {
  const { code, stdout, stderr } = await git(['grep', '-l', '-z', '--full-name', '-I', '-F', '-e', 'ENC[AES256_GCM,data:'], run)
  if (code > 1) throw new GitopsError('git', `git grep failed: ${stderr}`)
  const names = stdout
    .toString('utf8')
    .split('\0')
    .filter((name) => name !== '')
  return names.filter((name) => existsSync(join(top, name)) && isEncrypted(readFileSync(join(top, name)))).toSorted()
}

async function driversOf(run: GitOptions, files: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await git(['check-attr', '-z', '--stdin', 'diff'], { ...run, input: files.map((file) => `${file}\0`).join('') })
  const words = stdout.toString('utf8').split('\0')
  const drivers = new Map<string, string>()
  for (let at = 0; at + 2 < words.length; at += 3) drivers.set(words[at] ?? '', words[at + 2] ?? '')
  return drivers
}

function addLines(file: string, lines: readonly string[]): void {
  const before = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
  const gap = before.length === 0 || before.at(-1) === 0x0a ? '' : '\n'
  const after = Buffer.concat([before, Buffer.from(`${gap}${lines.join('\n')}\n`)])
  replaceFile(file, after, { mode: 0o644, expected: existsSync(file) ? before : null })
}

/** A name is a pattern in that file, and one with blanks or quotes is written as in C. */
function pattern(path: string): string {
  const escaped = `/${path.replace(/[\\*?[\]]/g, String.raw`\$&`)}`
  return /[\s"\\]/.test(escaped) ? JSON.stringify(escaped) : escaped
}
