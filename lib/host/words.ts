const BLANK = /[ \t\r\n]/

/**
 * A command line as words, split as a POSIX shell would: quotes, backslashes, `#` comments; nothing is expanded and no shell
 * is run. Null where a quote is not closed.
 */
export function splitWords(line: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at] ?? ''
    if (BLANK.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else if (character === '#' && word === null) {
      at = endOf(line, at, '\n')
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(line, at)
      if (quoted === null) return null
      word = (word ?? '') + quoted.text
      at = quoted.end
    } else if (character === '\\') {
      at += 1
      if (at === line.length) return null
      word = (word ?? '') + (line[at] ?? '')
    } else word = (word ?? '') + character
  }
  return word === null ? words : [...words, word]
}

/** What stands between a quote and the next one of its kind; a backslash means something in double quotes only. */
function readQuoted(line: string, start: number): { text: string; end: number } | null {
  const quote = line[start]
  let text = ''
  for (let at = start + 1; at < line.length; at += 1) {
    if (line[at] === quote) return { text, end: at }
    if (quote === '"' && line[at] === '\\') at += 1
    text += line[at] ?? ''
  }
  return null
}

function endOf(line: string, start: number, what: string): number {
  const found = line.indexOf(what, start)
  return found === -1 ? line.length : found
}
