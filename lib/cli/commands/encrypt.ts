import { Option } from 'commander'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve as resolvePath } from 'node:path'
import { machine } from '../../host/machine.ts'
import { writeAtomic } from '../../host/write.ts'
import { GitopsError } from '../../model/errors.ts'
import { recipient } from '../../secrets/age.ts'
import { inFile, sopsExitCode } from '../../secrets/fault.ts'
import { encryptSops } from '../../secrets/sops/encrypt.ts'
import { policyFor, type Policy } from '../../secrets/sops/policy.ts'
import type { SopsFormat } from '../../secrets/sops/store.ts'
import { complain } from '../messages.ts'
import type { Verb } from '../program.ts'

interface EncryptOptions {
  readonly output?: string
  readonly age?: string
}

/** `gitops encrypt`. */
export const encryptCommand: Verb<EncryptOptions> = {
  name: 'encrypt',
  summary: 'encrypt a file with SOPS and age, to the recipients that .sops.yaml names',
  arguments: [['<file>', 'a JSON, YAML or any other file']],
  options: [
    new Option('-o, --output <file>', 'where the ciphertext goes; its name also decides the rule. Otherwise standard output'),
    new Option('--age <recipients>', 'age recipients with commas between them, in place of .sops.yaml'),
  ],
  async run(options, [name = '']) {
    try {
      const { cwd } = machine()
      const file = resolvePath(cwd, name)
      if (!existsSync(file)) throw new GitopsError('usage', `${file} is not there`, { hint: 'Name the file to encrypt.' })
      const target = options.output === undefined ? file : resolvePath(cwd, options.output)
      const bytes = await encrypted(file, target, options.age)
      if (options.output === undefined) process.stdout.write(bytes)
      // Never truncated: the old ciphertext is there until the new one is complete.
      else writeAtomic(target, bytes)
      return 0
    } catch (error) {
      const code = complain(error as Error)
      return sopsExitCode(error) ?? code
    }
  },
}

async function encrypted(file: string, target: string, age: string | undefined): Promise<Buffer> {
  const policy =
    age === undefined
      ? await policyOf(target)
      : { recipients: age.split(',').map((text) => text.trim()), rule: null, macOnlyEncrypted: false }
  const recipients = await Promise.all(policy.recipients.map(recipient))
  try {
    const { bytes, encryptedValues } = await encryptSops(readFileSync(file), {
      format: formatOf(target),
      recipients,
      now: new Date(),
      macOnlyEncrypted: policy.macOnlyEncrypted,
      ...(policy.rule !== null && { rule: policy.rule }),
    })
    if (encryptedValues === 0 && policy.rule !== null)
      throw new GitopsError('invalid', `the rule for ${target} leaves everything in ${file} in plaintext`, {
        hint: 'Mend the selector in .sops.yaml.',
      })
    return bytes
  } catch (error) {
    throw error instanceof GitopsError && error.cause !== undefined ? inFile(file, error) : error
  }
}

/** The rule of the nearest `.sops.yaml`, from the file's own directory upward. */
async function policyOf(target: string): Promise<Policy> {
  for (let directory = dirname(target); ; directory = dirname(directory)) {
    const path = join(directory, '.sops.yaml')
    if (existsSync(path)) {
      try {
        return await policyFor(readFileSync(path, 'utf8'), relative(directory, target))
      } catch (error) {
        throw error instanceof GitopsError ? inFile(path, error) : error
      }
    }
    if (directory === dirname(directory)) break
  }
  throw new GitopsError('config', `there is no .sops.yaml in ${dirname(target)} or above it`, {
    hint: 'Write one, or name recipients with --age.',
  })
}

/** By the name without a last `.enc`, `.sops` or `.encrypted`. */
function formatOf(target: string): SopsFormat {
  const name = basename(target).replace(/\.(?:enc|sops|encrypted)$/, '')
  return name.endsWith('.json') ? 'json' : /\.ya?ml$/.test(name) ? 'yaml' : 'binary'
}
