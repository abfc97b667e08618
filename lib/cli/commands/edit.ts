import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { askAtTerminal } from '../../host/ask.ts'
import { withoutKey } from '../../host/child-env.ts'
import { findEditor, type Editor } from '../../host/editor.ts'
import { inForeground } from '../../host/foreground.ts'
import { machine } from '../../host/machine.ts'
import { withPrivateFile } from '../../host/private-file.ts'
import { readRegular } from '../../host/read.ts'
import { asGitopsError, GitopsError } from '../../model/errors.ts'
import { fault, faultKind, inFile, type FaultKind } from '../../secrets/fault.ts'
import { draftOf, newDraft, plainName, saveDraft, unchanged, type Draft } from '../draft.ts'
import { withFile, withExitCode } from '../encrypted-files.ts'
import { complain } from '../messages.ts'
import type { Verb } from '../program.ts'

/** Milliseconds that an editor has to end when we are told to. */
const GRACE = 2000

/** `gitops edit`. */
export const editCommand: Verb<Record<string, never>> = {
  name: 'edit',
  summary: 'edit a SOPS file in your editor, or begin a new one; only what you change is encrypted anew',
  arguments: [['<file>', 'a SOPS file; one that is not there starts from an example, encrypted as .sops.yaml says']],
  options: [],
  run: (_, [name = '']) =>
    withExitCode(async () => {
      const here = machine()
      const editor = findEditor(here.env)
      if (typeof editor === 'string') throw fault('no-editor', `there is no editor: ${editor}`, { hint: 'Set EDITOR to one.' })
      const path = resolve(here.cwd, name)
      const draft = existsSync(path) ? await withFile(name, draftOf) : await newDraft(path)
      await withPrivateFile(here, plainName(path), draft.plaintext, (file) => editUntilSaved(draft, editor, file))
      return 0
    }),
}

/** A person at a terminal may go back and correct what cannot be saved. */
async function editUntilSaved(draft: Draft, editor: Editor, file: string): Promise<void> {
  for (;;) {
    await runEditor(editor, file)
    const edited = readRegular(file)
    if (typeof edited === 'string') throw fault('no-editor', `the editor left ${edited} in the place of its file: nothing is written`)
    if (edited.equals(draft.plaintext)) throw unchanged(draft.path)
    try {
      return await saveDraft(draft, edited)
    } catch (error) {
      const told = asEdited(draft.path, error as Error)
      if (!process.stdin.isTTY || faultKind(error) === 'unchanged' || asGitopsError(error).code === 'conflict') throw told
      complain(told)
      await askAtTerminal('Enter goes back to the editor, Ctrl-C gives up what you have written. ')
    }
  }
}

const OF_THE_TEXT: ReadonlySet<FaultKind | null> = new Set<FaultKind>(['syntax', 'plaintext', 'empty', 'already', 'shape'])

/** What is wrong with the text in the editor is nothing that the file in the repository has. */
function asEdited(path: string, error: Error): Error {
  if (!(error instanceof GitopsError) || faultKind(error) === null) return error
  if (!OF_THE_TEXT.has(faultKind(error))) return inFile(path, error)
  const { code, message, cause } = inFile(`what you have written for ${path}`, error)
  return new GitopsError(code, message, { hint: `${path} stays as it was.`, cause })
}

async function runEditor([program, ...args]: Editor, file: string): Promise<void> {
  // An editor has no need of a private key.
  const env = withoutKey(machine().env)
  const { code, interrupted } = await inForeground({ command: [program, ...args, file], env, grace: GRACE })
  if (interrupted !== null) throw new GitopsError('interrupted', `interrupted by ${interrupted}: nothing is written`)
  if (code !== 0) throw fault('no-editor', `the editor ended with exit code ${code}: nothing is written`)
}
