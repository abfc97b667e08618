import { Option } from 'commander'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { machine } from '../../host/machine.ts'
import { isEncrypted } from '../../model/config.ts'
import { GitopsError } from '../../model/errors.ts'
import { fault } from '../../secrets/fault.ts'
import { decryptSops } from '../../secrets/sops/decrypt.ts'
import type { SopsFormat } from '../../secrets/sops/file-format.ts'
import { pointerFrom } from '../document-path.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import {
  destinationOptions,
  eachFile,
  inputTypeOption,
  myIdentities,
  outputTypeOption,
  withExitCode,
  type Destination,
} from '../encrypted-files.ts'
import type { Verb } from '../program.ts'

interface DecryptOptions extends ConfigOptions, Destination {
  readonly write?: boolean
  readonly extract?: string
  readonly ignoreMac?: boolean
  readonly inputType?: SopsFormat
  readonly outputType?: SopsFormat
}

/** `gitops decrypt`. */
export const decryptCommand: Verb<DecryptOptions> = {
  name: 'decrypt',
  summary: 'print the plaintext of SOPS files; with --write, put one declared secret in place',
  arguments: [['<file-or-name...>', 'SOPS files, - for standard input; with --write the name of a secret in the config']],
  options: [
    ...destinationOptions,
    new Option('--extract <path>', 'only what stands there: \'["a"]["b"][0]\' or /a/b/0'),
    inputTypeOption,
    outputTypeOption,
    new Option('--ignore-mac', 'decrypt a file whose MAC does not match: nothing then vouches for what is in it'),
    new Option('--write', 'put the secret of that name in place, as a reconcile would'),
    configOption,
  ],
  async run(options, names) {
    if (options.write === true) return withExitCode(() => put(options, names))
    return withExitCode(async () => {
      await refuseSecretNames(names)
      const how = {
        ...(options.inputType !== undefined && { format: options.inputType }),
        ...(options.outputType !== undefined && { output: options.outputType }),
        ...(options.extract !== undefined && { extract: pointerFrom(options.extract) }),
        ignoreMac: options.ignoreMac ?? false,
      }
      return eachFile(names, { ...options, content: 'plaintext' }, async ({ bytes }) => {
        return (await decryptSops(bytes, await myIdentities(), how)).plaintext.bytes()
      })
    })
  },
}

/** Who names a secret of the config in place of a file is told how. */
async function refuseSecretNames(names: readonly string[]): Promise<void> {
  const { cwd } = machine()
  const name = names.find((one) => /^[^/]+$/.test(one) && one !== '-' && !existsSync(resolve(cwd, one)))
  if (name === undefined) return
  const { configFile, open } = await import('../open.ts')
  const opened = await Promise.resolve()
    .then(() => open(configFile({})))
    .catch(() => null)
  if (opened?.config.secrets.filter(isEncrypted).some((secret) => secret.name === name) !== true) return
  throw fault('no-file', `${resolve(cwd, name)} is not there, but ${name} is a secret of the config`, {
    hint: `\`gitops decrypt ${name} --write\` puts it in place.`,
  })
}

/** The rest of the config stays as it is. */
async function put(options: DecryptOptions, names: readonly string[]): Promise<number> {
  // The engine is loaded for this alone: printing a plaintext is to be fast.
  const [{ configFile, open }, { reconcileWith }] = await Promise.all([import('../open.ts'), import('./reconcile.ts')])
  const { config } = await open(configFile(options))
  const [name = '', ...more] = names
  if (more.length > 0) throw new GitopsError('usage', '--write takes the name of one secret', { hint: 'Put them in place one by one.' })
  if (!config.secrets.filter(isEncrypted).some((secret) => secret.name === name)) {
    const known = config.secrets.filter(isEncrypted).map((secret) => secret.name)
    throw new GitopsError('usage', `there is no secret ${JSON.stringify(name)} in the config`, {
      hint: known.length === 0 ? 'It declares none.' : `Known: ${known.join(', ')}.`,
    })
  }
  return reconcileWith({ ...options }, { only: name })
}
