import { Option } from 'commander'
import { isUtf8 } from 'node:buffer'
import { jsonValue, type NewValue } from '../../documents/new-value.ts'
import { askAtTerminal } from '../../host/ask.ts'
import { GitopsError } from '../../model/errors.ts'
import { showPointer, type Pointer } from '../../model/pointer.ts'
import { inClear } from '../../secrets/sops/in-clear.ts'
import { withValue } from '../changing.ts'
import { pointerFrom } from '../document-path.ts'
import { eachFile, readStandardInput, withExitCode } from '../encrypted-files.ts'
import { tell } from '../messages.ts'
import type { Verb } from '../program.ts'

interface SetOptions {
  readonly json?: boolean
}

/** `gitops set`. */
export const setCommand: Verb<SetOptions> = {
  name: 'set',
  summary: 'set one value of a SOPS file to what is typed, unseen, or comes on standard input',
  arguments: [
    ['<file>', 'a SOPS file'],
    ['<path>', 'where in it: \'["a"]["b"][0]\' or /a/b/0; /a/- is behind the last of a list'],
  ],
  options: [
    new Option(
      '--json',
      'the value is JSON: a number, true, a list, an object. Otherwise it is text; a single line loses its end, and is not empty',
    ),
  ],
  run: (options, [file = '', path = '']) =>
    withExitCode(async () => {
      const pointer = pointerFrom(path)
      const value = await readValue(pointer, options.json ?? false)
      return eachFile([file], { inPlace: true, content: 'ciphertext' }, async (input) => {
        const next = await withValue(input, pointer, value)
        const clear = next === null ? 'nothing' : await inClear(next, pointer)
        if (clear !== 'nothing')
          tell(`${input.name} ${showPointer(pointer)} is in clear${clear === 'part' ? ', in part' : ''}: the rule of the file says so.`)
        return next
      })
    }),
}

/** Never from the command line: everybody on the machine can read that. */
async function readValue(pointer: Pointer, json: boolean): Promise<NewValue> {
  const bytes = process.stdin.isTTY ? await asked(pointer) : await readStandardInput()
  if (!isUtf8(bytes))
    throw new GitopsError('usage', 'the value on standard input is not text', { hint: 'Encrypt it as a file of its own.' })
  const text = bytes.toString('utf8')
  // A key of several lines may need its last line's end; a password from `echo` must not have one.
  const line = text.replace(/^([^\r\n]*)\r?\n$/, '$1')
  if (line === '') throw empty()
  return json ? jsonValue(text) : { kind: 'text', text: line }
}

/** More often than somebody wants an empty value, the command that should have given one has failed. */
function empty(): GitopsError {
  return new GitopsError('usage', 'there is no value on standard input', {
    hint: `Send one. If it is to be empty, say so: echo '""' | gitops set --json …`,
  })
}

async function asked(pointer: Pointer): Promise<Buffer> {
  const answer = await askAtTerminal(`Value of ${showPointer(pointer)}, which is not shown: `)
  if (typeof answer === 'string') throw new GitopsError('usage', 'there is no value', { hint: 'Type one, or send it to standard input.' })
  return answer.bytes()
}
