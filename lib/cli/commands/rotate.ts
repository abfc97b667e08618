import { Option } from 'commander'
import { listed } from '../encryption.ts'
import { destinationOptions, eachFile, myIdentities, withExitCode, type Destination } from '../encrypted-files.ts'
import { tell } from '../messages.ts'
import type { Verb } from '../program.ts'
import { recipientsAfter } from '../rotation.ts'
import { rotateSops } from '../../secrets/sops/reencrypt.ts'

interface RotateOptions extends Destination {
  readonly addAge?: string
  readonly rmAge?: string
  readonly config?: string
}

/** `gitops rotate`. */
export const rotateCommand: Verb<RotateOptions> = {
  name: 'rotate',
  summary: 'give SOPS files a new data key and encrypt every value anew, for the recipients that .sops.yaml names',
  arguments: [['<file...>', 'SOPS files, - for standard input']],
  options: [
    ...destinationOptions,
    new Option('--add-age <recipients>', 'age recipients who can read it from now on, with commas between them'),
    new Option('--rm-age <recipients>', 'age recipients who can read it no more'),
    new Option('--config <file>', 'the .sops.yaml to use, in place of the nearest one; also SOPS_CONFIG'),
  ],
  run: (options, names) =>
    withExitCode(async () => {
      const wishes = {
        add: await listed(options.addAge ?? '', '--add-age'),
        remove: await listed(options.rmAge ?? '', '--rm-age'),
        ...options,
      }
      return eachFile(names, { ...options, content: 'ciphertext' }, async (file) => {
        const recipients = await recipientsAfter(file, wishes)
        const identities = await myIdentities()
        const next = await rotateSops(file.bytes, { identities, now: new Date(), ...(recipients !== null && { recipients }) })
        for (const one of next.added) tell(`${file.name}: new recipient ${one}.`)
        for (const one of next.removed)
          tell(`${file.name}: ${one} can read it no more. What it could read, it knows: change those secrets.`)
        return next.bytes
      })
    }),
}
