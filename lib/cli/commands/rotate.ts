import { Option } from 'commander'
import { resolve } from 'node:path'
import { machine } from '../../host/machine.ts'
import { listed } from '../encryption.ts'
import { destinationOptions, eachFile, myIdentities, withExitCode, type Destination } from '../encrypted-files.ts'
import { tell } from '../messages.ts'
import { unreadable } from '../next-ciphertext.ts'
import type { Verb } from '../program.ts'
import { recipientsAfter } from '../rotation.ts'
import { rotateSops } from '../../secrets/sops/reencrypt.ts'

interface RotateOptions extends Destination {
  readonly age?: string
  readonly addAge?: string
  readonly rmAge?: string
  readonly config?: string
  readonly filenameOverride?: string
}

/** `gitops rotate`. */
export const rotateCommand: Verb<RotateOptions> = {
  name: 'rotate',
  summary: 'give SOPS files a new data key and encrypt every value anew, for the recipients that .sops.yaml names',
  arguments: [['<file...>', 'SOPS files, - for standard input']],
  options: [
    ...destinationOptions,
    new Option('--age <recipients>', 'who may read it, in place of the rule; needed where there is none'),
    new Option('--add-age <recipients>', 'age recipients who can read it from now on, with commas between them'),
    new Option('--rm-age <recipients>', 'age recipients who can read it no more'),
    new Option('--config <file>', 'the .sops.yaml to use, in place of the nearest one; also SOPS_CONFIG'),
    new Option('--filename-override <file>', 'the name that decides the rule; standard input needs one, or --age'),
  ],
  run: (options, names) =>
    withExitCode(async () => {
      const wishes = {
        age: await listed(options.age ?? '', '--age'),
        add: await listed(options.addAge ?? '', '--add-age'),
        remove: await listed(options.rmAge ?? '', '--rm-age'),
        ...(options.config !== undefined && { config: options.config }),
        ...(options.filenameOverride !== undefined && { name: resolve(machine().cwd, options.filenameOverride) }),
      }
      return eachFile(names, { ...options, content: 'ciphertext' }, async (file) => {
        const recipients = await recipientsAfter(file, wishes)
        const identities = await myIdentities()
        const next = await rotateSops(file.bytes, { identities, now: new Date(), ...(recipients !== null && { recipients }) })
        for (const one of next.added) tell(`${file.name}: new recipient ${one}.`)
        for (const one of next.removed)
          tell(`${file.name}: ${one} can read it no more. What it could read, it knows: change those secrets.`)
        if (recipients !== null) for (const note of await unreadable(next.bytes, recipients, identities)) tell(`${file.name}: ${note}`)
        return next.bytes
      })
    }),
}
