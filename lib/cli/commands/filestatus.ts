import { readMetadata } from '../../secrets/sops/metadata.ts'
import { looksEncrypted } from '../../secrets/sops/sniff.ts'
import { loadEncrypted } from '../../secrets/sops/store.ts'
import { eachFile } from '../encrypted-files.ts'
import { print } from '../messages.ts'
import type { Verb } from '../program.ts'

/** `gitops filestatus`. */
export const filestatusCommand: Verb<Record<string, never>> = {
  name: 'filestatus',
  summary: 'whether files are encrypted, as JSON; nothing is decrypted',
  arguments: [['<file...>', 'files, - for standard input; with several the line of each has its name']],
  options: [],
  run: (_, names) =>
    eachFile(names, { content: 'ciphertext' }, async ({ name, bytes }) => {
      const encrypted = await isEncrypted(bytes)
      print(JSON.stringify(names.length === 1 ? { encrypted } : { encrypted, file: name }))
      return null
    }),
}

/** As sops has it: a block with a MAC and a version. A file without anything like it is in clear, whatever it is. */
async function isEncrypted(bytes: Buffer): Promise<boolean> {
  if (!looksEncrypted(bytes)) return false
  const loaded = await loadEncrypted(bytes)
  if (loaded === null) return false
  const { mac, version } = readMetadata(loaded.taken.block)
  return mac !== '' && version !== ''
}
