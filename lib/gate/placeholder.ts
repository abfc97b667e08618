// What manuals write in place of a password: NAMES, <names>, variables, and the words for it.
const WORD =
  /^(?:[A-Z][A-Z_]{1,23}|<[^<>]*>|\[[^[\]]*\]|\$\{[^{}]*\}|\$\w+|\{\{?[^{}]*\}?\}|%\w+%|pass(?:word|wd)?|secret|token|pw|pwd|changeme|your[-_ ]?\w*)$/
const IN_URL = /:\/\/[^\s/:@]*:([^\s/@]*)@/

/** Whether what looks like a secret only shows what one looks like: `ghp_xxxx…`, `https://USER:TOKEN@…`. Pure. */
export function isPlaceholder(found: string): boolean {
  const [, password] = IN_URL.exec(found) ?? []
  if (password !== undefined) return WORD.test(password) || isMonotonous(password)
  return isMonotonous(found.slice(-16))
}

/** Nobody's secret is one character again and again. */
function isMonotonous(text: string): boolean {
  return text.length > 2 && new Set(text.replaceAll(/[^\p{L}\p{N}*.•]/gu, '')).size <= 1
}
