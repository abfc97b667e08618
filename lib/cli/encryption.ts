import { Option } from 'commander'
import { machine } from '../host/machine.ts'
import { GitopsError } from '../model/errors.ts'
import { recipient, type Recipient } from '../secrets/age.ts'
import { inFile } from '../secrets/fault.ts'
import type { EncryptOptions } from '../secrets/sops/encrypt.ts'
import { DEFAULT_RULE } from '../secrets/sops/rules.ts'
import { formatOf, SOPS_FORMATS, type SopsFormat } from '../secrets/sops/file-format.ts'
import { findPolicy, matchFor, notRead, policyFor, recipientsOf, ruleOf, strayKeysIn, type RuleOptions } from './creation-rule.ts'

/** What a person says about how a file is to be encrypted. */
export interface EncryptionOptions extends RuleOptions {
  readonly age?: string
  readonly inputType?: SopsFormat
  readonly outputType?: SopsFormat
}

/** The options of `EncryptionOptions`. */
export const encryptionOptions: readonly Option[] = [
  new Option('--age <recipients>', "age recipients with commas between them, in place of the rule's; also SOPS_AGE_RECIPIENTS"),
  new Option('--config <file>', 'the .sops.yaml to use, in place of the nearest one; also SOPS_CONFIG'),
  new Option('--input-type <type>', 'what the file is, whatever its name').choices(SOPS_FORMATS),
  new Option('--output-type <type>', 'what it becomes, whatever its name').choices(SOPS_FORMATS),
]

/** How a file is encrypted, and who says so. */
export interface Encryption extends EncryptOptions {
  /** `creation rule 1 of /x/.sops.yaml`, `--age` or `SOPS_AGE_RECIPIENTS`. */
  readonly saidBy: string
  /** What a person should know of it, a sentence each. */
  readonly notes: readonly string[]
}

/**
 * How what goes to a target is encrypted. The rule is the one for the target, else for the file that it is made from; both are
 * absolute. Recipients on the command line take the place of the rule's, and its selector stays. Throws as `ruleOf` and `recipientsOf` do.
 */
export async function encryptionFor(target: string, source: string | null, options: EncryptionOptions): Promise<Encryption> {
  const age = options.age ?? (machine().env['SOPS_AGE_RECIPIENTS'] || undefined)
  const ageSaidBy = options.age === undefined ? 'SOPS_AGE_RECIPIENTS' : '--age'
  const paths = source === null || source === target ? [target] : [target, source]
  const policy = age === undefined ? await policyFor(paths, options) : await findPolicy(paths, options)
  const rule = age === undefined && policy !== null ? ruleOf(policy, paths).rule : policy && (matchFor(policy, paths)?.rule ?? null)
  const chosen =
    age === undefined && policy !== null && rule !== null ? await recipientsOf(policy, rule) : await listed(age ?? '', ageSaidBy)
  const { format, input } = formatsFor(target, source, options)
  return {
    format,
    input,
    now: new Date(),
    recipients: chosen,
    // What nobody says anything of stays as an old file has it, and the one value of a binary file needs no selecting.
    ...(rule !== null && format !== 'binary' && { rule: rule.rule ?? DEFAULT_RULE, macOnlyEncrypted: rule.macOnlyEncrypted }),
    ...(policy !== null && { indents: policy.indents }),
    saidBy: age !== undefined || rule === null ? ageSaidBy : `creation rule ${rule.number} of ${policy?.file}`,
    notes: policy === null ? [] : [...(policy.misnamed === null ? [] : [notRead(policy.misnamed)]), ...strayKeysIn(policy)],
  }
}

/** Recipients from the command line, with commas between them. Throws `config` for a typo. */
export async function listed(age: string, option: string): Promise<Recipient[]> {
  const named = age.split(',').filter((text) => text.trim() !== '')
  try {
    return await Promise.all(named.map(recipient))
  } catch (error) {
    throw error instanceof GitopsError ? inFile(`${option}:`, error) : error
  }
}

/** The name of the target says what both are; the name of a file that is to become something else, what that is. */
function formatsFor(
  target: string,
  source: string | null,
  { inputType, outputType }: EncryptionOptions,
): { format: SopsFormat; input: SopsFormat } {
  const format = outputType ?? inputType ?? formatOf(target)
  const named = outputType === undefined || source === null ? 'binary' : formatOf(source)
  return { format, input: inputType ?? (named === 'binary' ? format : named) }
}
