import { Option } from 'commander'
import { existsSync, readFileSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { findIdentities } from '../../host/identities.ts'
import { machine } from '../../host/machine.ts'
import { GitopsError } from '../../model/errors.ts'
import { parseIdentities } from '../../secrets/age.ts'
import { inFile, sopsExitCode } from '../../secrets/fault.ts'
import { decryptSops } from '../../secrets/sops/decrypt.ts'
import { complain } from '../messages.ts'
import { configFile, configOption, open, type ConfigOptions } from '../open.ts'
import type { Verb } from '../program.ts'
import { reconcileWith } from './reconcile.ts'

interface DecryptOptions extends ConfigOptions {
  readonly write?: boolean
}

/** `gitops decrypt`. */
export const decryptCommand: Verb<DecryptOptions> = {
  name: 'decrypt',
  summary: 'print the plaintext of a SOPS file; with --write, put one declared secret in place',
  arguments: [['<file-or-name>', 'a SOPS file, or with --write the name of a secret in the config']],
  options: [new Option('--write', 'put the secret of that name in place, as a reconcile would'), configOption],
  async run(options, [what = '']) {
    try {
      if (options.write === true) return await put(options, what)
      process.stdout.write(await plaintextOf(resolvePath(machine().cwd, what)))
      return 0
    } catch (error) {
      const code = complain(error as Error)
      return sopsExitCode(error) ?? code
    }
  },
}

/** The rest of the config stays as it is. */
async function put(options: DecryptOptions, name: string): Promise<number> {
  const { config } = await open(configFile(options))
  if (!config.secrets.some((secret) => secret.name === name)) {
    const known = config.secrets.map((secret) => secret.name)
    throw new GitopsError('usage', `there is no secret ${JSON.stringify(name)} in the config`, {
      hint: known.length === 0 ? 'It declares none.' : `Known: ${known.join(', ')}.`,
    })
  }
  return reconcileWith({ ...options }, {}, name)
}

async function plaintextOf(file: string): Promise<Buffer> {
  if (!existsSync(file)) throw new GitopsError('usage', `${file} is not there`, { hint: 'Name a SOPS file.' })
  const { env, platform, home } = machine()
  const { found } = findIdentities([], env, platform, home)
  const identities = await Promise.all(
    found.map(({ where, text }) => parseIdentities(text.text(), where, where === 'SOPS_AGE_KEY' ? 'space' : 'line')),
  )
  try {
    return (await decryptSops(readFileSync(file), identities.flat())).plaintext.bytes()
  } catch (error) {
    throw error instanceof GitopsError ? inFile(file, error) : error
  }
}
