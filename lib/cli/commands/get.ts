import { fault, faultKind } from '../../secrets/fault.ts'
import { decryptSops } from '../../secrets/sops/decrypt.ts'
import { pointerFrom } from '../document-path.ts'
import { eachFile, myIdentities, withExitCode } from '../encrypted-files.ts'
import type { Verb } from '../program.ts'

/** `gitops get`. */
export const getCommand: Verb<Record<string, never>> = {
  name: 'get',
  summary: 'print one value of a SOPS file',
  arguments: [
    ['<file>', 'a SOPS file, or - for standard input'],
    ['<path>', 'where in it: \'["a"]["b"][0]\' or /a/b/0'],
  ],
  options: [],
  run: (_, [file = '', path = '']) =>
    withExitCode(async () => {
      const extract = pointerFrom(path)
      return eachFile([file], { content: 'plaintext' }, async ({ bytes }) => {
        try {
          return (await decryptSops(bytes, await myIdentities(), { extract })).plaintext.bytes()
        } catch (error) {
          // What `sops decrypt --extract` calls a failure like any other is a wrong path here.
          throw faultKind(error) === 'no-path' ? fault('bad-path', (error as Error).message) : error
        }
      })
    }),
}
