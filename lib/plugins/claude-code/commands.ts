/** Where the words of a shell command lead. */
export interface Where {
  readonly home: string
  /** Claude Code's own directory. */
  readonly directory: string
}

/** A file below Claude Code's directory that a command names. */
export interface Named {
  /** Relative to the directory. */
  readonly path: string
  /** `run`: it is the program; `read`: an interpreter is given it; `named`: it stands among the arguments. */
  readonly as: 'run' | 'read' | 'named'
}

const INTERPRETERS = /^(?:(?:ba|da|z|k|fi)?sh|node|bun|deno|tsx|python[\d.]*|ruby|perl|php|pwsh|osascript|source|\.)$/
/** What stands before a program and is none. */
const BEFORE = /^(?:[A-Za-z_]\w*=.*|exec|env|sudo|nohup|time|command|if|then|else|elif|while|do|!|\{)$/
const END = /^(?:[;&|()\n]+)$/

/** The files below Claude Code's directory that a shell command names. What a variable decides is not looked at. Pure. */
export function filesNamed(command: string, where: Where): Named[] {
  const named: Named[] = []
  let program: string | null = null
  let given = false
  let last = ''
  for (const word of words(command, where)) {
    const before = last
    last = word
    if (END.test(word)) [program, given] = [null, false]
    else if (/^\d?>/.test(word)) continue
    else if (/^\d?>{1,2}$|^<$/.test(before)) continue
    else if (program === null && BEFORE.test(word)) continue
    else if (before === '-c' && /\s/.test(word)) named.push(...filesNamed(word, where))
    else {
      const path = below(word, where.directory)
      const reads = program !== null && !given && INTERPRETERS.test(program.slice(program.lastIndexOf('/') + 1))
      if (path !== null) named.push({ path, as: program === null ? 'run' : reads ? 'read' : 'named' })
      if (program === null) program = word
      else if (!word.startsWith('-')) given = true
    }
  }
  return named
}

function below(word: string, directory: string): string | null {
  if (!word.startsWith(`${directory}/`) || /[$`*?\s]/.test(word)) return null
  const path = word.slice(directory.length + 1).replace(/\/+/g, '/')
  return path === '' || path.endsWith('/') || path.split('/').includes('..') ? null : path
}

/** Words as a shell sees them, with the variables that are known put in; operators are words too. */
function words(command: string, where: Where): string[] {
  const found: string[] = []
  let word: string | null = null
  const end = (): void => {
    if (word !== null) found.push(word)
    word = null
  }
  for (const [part] of command.matchAll(/\\[^]|'[^']*'|"(?:\\[^]|[^"\\])*"|\d?>{1,2}|<|[;&|()\n]+|[ \t]+|[^\s\\'"<>;&|()]+|[^]/g)) {
    if (/^[ \t]+$/.test(part)) end()
    else if (/^(?:[;&|()\n]+|\d?>{1,2}|<)$/.test(part)) {
      end()
      found.push(part)
    } else if (part.startsWith("'")) word = (word ?? '') + part.slice(1, -1)
    else if (part.startsWith('"')) word = (word ?? '') + known(part.slice(1, -1), where)
    else if (part.startsWith('\\')) word = (word ?? '') + part.slice(1)
    else word = word === null ? known(part.replace(/^~(?=\/|$)/, where.home), where) : word + known(part, where)
  }
  end()
  return found
}

function known(text: string, { home, directory }: Where): string {
  return text
    .replaceAll(/\$\{CLAUDE_CONFIG_DIR(?::?-[^}]*)?\}/g, directory)
    .replaceAll(/\$CLAUDE_CONFIG_DIR\b/g, directory)
    .replaceAll(/\$\{HOME\}|\$HOME\b/g, home)
}
