import { fault } from '../fault.ts'

/** What stands before a YAML document: at the beginning, and behind the line that ends another one. */
const HEADS = /(?:^|\n\.\.\.[^\n]*\n)((?:[ \t]*(?:#[^\n]*)?\r?\n|%[^\n]*\n)*)/g
/** The YAML reader of SOPS knows these, and refuses all others. */
const KNOWN = /^%(?:YAML[ \t]+1\.1(?!\d)|TAG[ \t])/

/** Refuses a directive in a YAML text for which SOPS would not read the whole file. Throws `plaintext`, with the line. */
export function refuseDirectives(text: string): void {
  for (const head of text.matchAll(HEADS)) {
    const start = head.index + head[0].length - (head[1] ?? '').length
    let line = text.slice(0, start).split('\n').length
    for (const each of (head[1] ?? '').split('\n')) {
      if (each.startsWith('%') && !KNOWN.test(each)) throw unknown(line)
      line += 1
    }
  }
}

function unknown(line: number): Error {
  return fault('plaintext', `has a directive at line ${line} with which SOPS does not read it: of \`%YAML\` it takes 1.1 only`, {
    hint: 'Take the line out: what it says goes without saying.',
  })
}
