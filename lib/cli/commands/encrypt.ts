import { Option } from 'commander'
import { resolve } from 'node:path'
import { machine } from '../../host/machine.ts'
import { fault } from '../../secrets/fault.ts'
import { encrypt, intoDeclaredPlace, intoFile, type ContentOptions } from '../encrypt-into.ts'
import { destinationOptions, eachFile, withExitCode, type Destination, type InputFile } from '../encrypted-files.ts'
import { encryptionOptions } from '../encryption.ts'
import { tell } from '../messages.ts'
import type { Verb } from '../program.ts'

interface EncryptOptions extends Destination, ContentOptions {
  readonly filenameOverride?: string
}

/** `gitops encrypt`. */
export const encryptCommand: Verb<EncryptOptions> = {
  name: 'encrypt',
  summary: 'encrypt files with SOPS and age, to the recipients that .sops.yaml names',
  arguments: [
    ['[file...]', 'files in clear, - for standard input. The live file of a declared secret goes to its place in the repository'],
  ],
  options: [
    ...destinationOptions,
    ...encryptionOptions,
    new Option('--filename-override <file>', 'the name that decides the rule and the types; standard input needs one'),
    new Option('--keys <places>', 'of a JSON file only these keys, with commas between them: /mcpServers'),
  ],
  run: (options, given) =>
    withExitCode(async () => {
      const names = given.length === 0 && options.filenameOverride !== undefined ? ['-'] : given
      if (names.length === 0) throw fault('no-file', 'no file is named', { hint: 'Name the file to encrypt.' })
      return eachFile(names, { ...options, content: 'ciphertext' }, (file) => encryptFile(file, options, names.length > 1))
    }),
}

/** Returns what goes to standard output or in place; what has a file of its own to go to is written here. */
async function encryptFile(file: InputFile, options: EncryptOptions, isOneOfMany: boolean): Promise<Buffer | null> {
  const { inPlace = false, output, filenameOverride } = options
  const placed = file.path !== null && !inPlace && output === undefined && filenameOverride === undefined
  // Reading a config takes the better part of a short command.
  const declared = placed ? await (await import('../declared-place.ts')).declaredPlace(file.path) : null
  if (declared !== null && file.path !== null) return intoDeclaredPlace(file, file.path, declared, options)
  if (isOneOfMany && !inPlace)
    throw fault('conflicting', 'is one of several, and their ciphertexts cannot share standard output', { hint: 'Say --in-place.' })
  const { cwd } = machine()
  const toFile = output === undefined || output === '-' || output === '/dev/stdout' ? null : resolve(cwd, output)
  const named = filenameOverride ?? toFile ?? file.path
  if (named === null) throw fault('conflicting', 'has no name that a rule could match', { hint: 'Give it one with --filename-override.' })
  if (toFile !== null) return intoFile(file, toFile, resolve(cwd, named), options)
  const { bytes, notes } = await encrypt(file, null, resolve(cwd, named), options)
  for (const note of notes) tell(note)
  return bytes
}
