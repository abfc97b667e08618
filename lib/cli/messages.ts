import { styleText } from 'node:util'
import { asGitopsError, GitopsError, printable, sentence } from '../model/errors.ts'
import type { OutcomeKind } from '../model/outcome.ts'
import { ended, type Verdict } from '../model/verdict.ts'
import { put } from './output.ts'

type Style = Parameters<typeof styleText>[0]

const STYLES: Readonly<Record<OutcomeKind, Style>> = {
  'in-sync': 'green',
  applied: 'green',
  refused: 'yellow',
  'rolled-back': 'red',
  failed: 'red',
  stuck: 'red',
}

/** Text in colour where standard output is a terminal that wants it. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

/** Prints what is for people. */
export function print(text: string): void {
  put(`${text}\n`)
}

/** Prints a sentence for people on standard error, where the result of a command goes to standard output. */
export function tell(text: string): void {
  process.stderr.write(`gitops: ${printable(text)}\n`)
}

/** Prints the sentence that ends a run. */
export function printVerdict(verdict: Verdict): void {
  print(styled(STYLES[verdict.outcome], printable(verdict.message)))
}

/** Prints an error that ended everything, and returns the exit code. What is not ours is a bug: its stack is shown. */
export function complain(error: Error, json = false): number {
  const ours = asGitopsError(error)
  const { verdict, code } = ended(ours)
  // What the operating system refuses is no bug of ours.
  const known = error instanceof GitopsError || 'syscall' in error
  if (!known) process.stderr.write(`gitops: this is a bug, please report it with the lines below.\n${error.stack ?? String(error)}\n`)
  // A program that reads JSON gets its verdict whatever happened.
  if (json) print(JSON.stringify(verdict))
  else if (known) process.stderr.write(`gitops: ${sentence(ours)}\n`)
  return code
}
