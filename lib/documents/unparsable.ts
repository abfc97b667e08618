import { GitopsError } from '../model/errors.ts'

const MEND = 'Mend it first: a document that does not parse is never written to.'

interface Place {
  readonly line: number
  readonly column: number
}

/** The refusal to touch a document that does not parse; lines and columns count from 1. Nothing of its text is in it. */
export function doesNotParse(name: string, format: string, { line, column }: Place, fault = `is not ${format}`, hint = MEND): GitopsError {
  return new GitopsError('conflict', `${name}:${line}:${column} ${fault}`, {
    hint,
  })
}
