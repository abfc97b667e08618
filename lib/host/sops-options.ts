import { GitopsError } from '../model/errors.ts'
import { SOPS_FORMATS } from '../secrets/sops/file-format.ts'
import { SELECTORS } from '../secrets/sops/metadata.ts'

type Options = Readonly<Record<string, unknown>>

/** Refuses options that a program misspells: one that is passed over might leave a secret in clear. Throws `usage`. */
export function knownOptions(call: string, given: object, known: readonly string[]): void {
  const wrong = Object.keys(given).filter((name) => !known.includes(name))
  if (wrong.length === 0) return
  const which = wrong.length === 1 ? `no option ${wrong[0]}` : `no options ${wrong.join(' and ')}`
  const hint = wrong.some((name) => /regex|suffix/i.test(name))
    ? "Which values are encrypted is said by `rule: { kind: 'encrypted_regex', pattern: '…' }`."
    : `There are ${known.join(', ')}.`
  throw new GitopsError('usage', `sops.${call} has ${which}`, { hint })
}

/** Judges what the types would have told a program that is not type-checked. Throws `usage`, and `config` without a recipient. */
export function checkEncryption(given: unknown): void {
  const options = (typeof given === 'object' && given !== null ? given : {}) as Options
  knownOptions('encrypt', options, ['format', 'recipients', 'rule', 'macOnlyEncrypted', 'now'])
  const { format, recipients, rule } = options
  if (!SOPS_FORMATS.some((one) => one === format))
    throw new GitopsError(
      'usage',
      `sops.encrypt ${format === undefined ? 'needs a `format`' : `knows no format ${JSON.stringify(format)}`}`,
      {
        hint: `It is one of ${SOPS_FORMATS.join(', ')}.`,
      },
    )
  if (!Array.isArray(recipients) || recipients.length === 0 || recipients.some((one) => typeof one !== 'string'))
    throw new GitopsError('config', 'sops.encrypt has no list of `recipients` to encrypt to', { hint: "Name them: ['age1…']." })
  if (rule !== undefined && !isRule(rule))
    throw new GitopsError('usage', 'sops.encrypt has a `rule` that is none', {
      hint: "Write { kind: 'encrypted_regex', pattern: '…' }, { kind: 'encrypted_suffix', suffix: '…' }, or { kind: 'all' }.",
    })
}

function isRule(value: unknown): boolean {
  const { kind, suffix, pattern } = (typeof value === 'object' && value !== null ? value : {}) as Options
  if (kind === 'all') return true
  if (!SELECTORS.some((one) => one === kind)) return false
  return typeof (kind === 'encrypted_suffix' || kind === 'unencrypted_suffix' ? suffix : pattern) === 'string'
}
