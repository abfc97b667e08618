import { withValue } from '../changing.ts'
import { pointerFrom } from '../document-path.ts'
import { eachFile, withExitCode } from '../encrypted-files.ts'
import type { Verb } from '../program.ts'

/** `gitops unset`. */
export const unsetCommand: Verb<Record<string, never>> = {
  name: 'unset',
  summary: 'remove one value from a SOPS file',
  arguments: [
    ['<file>', 'a SOPS file'],
    ['<path>', 'where in it: \'["a"]["b"][0]\' or /a/b/0'],
  ],
  options: [],
  run: (_, [file = '', path = '']) =>
    withExitCode(async () => {
      const pointer = pointerFrom(path)
      return eachFile([file], { inPlace: true, content: 'ciphertext' }, (input) => withValue(input, pointer, null))
    }),
}
