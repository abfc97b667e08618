import { fault } from '../fault.ts'
import type { Spot } from './document.ts'

/** The one rule of a file that says which of its values are encrypted. */
export type Rule =
  | { readonly kind: 'unencrypted_suffix' | 'encrypted_suffix'; readonly suffix: string }
  | {
      readonly kind: 'unencrypted_regex' | 'encrypted_regex' | 'unencrypted_comment_regex' | 'encrypted_comment_regex'
      /** In the syntax of RE2. */
      readonly pattern: string
    }
  | { readonly kind: 'all' }

/** What SOPS uses where nothing is said. */
export const DEFAULT_RULE: Rule = { kind: 'unencrypted_suffix', suffix: '_unencrypted' }

/** Where a value stands: the keys above it, and for each container around it the comments since its last sibling. */
export interface Place {
  readonly path: readonly string[]
  readonly comments: readonly (readonly string[])[]
  readonly isComment: boolean
  /** Where it stands in the text it was read from, when it was read from one. */
  readonly at?: Spot | undefined
}

/** Whether a value at a place is encrypted. */
export type Selector = (place: Place) => boolean

/**
 * A rule made ready. Throws `metadata` for an empty rule, and for a pattern that RE2 refuses: SOPS takes such a one for "matches nothing"
 * and leaves a whole file in clear.
 */
export async function selector(rule: Rule): Promise<Selector> {
  if (rule.kind === 'all') return () => true
  if (('suffix' in rule ? rule.suffix : rule.pattern) === '')
    throw fault('metadata', `has a rule that cannot be used: ${rule.kind} is empty, which SOPS takes for no rule at all`, {
      hint: 'Leave it out, or say what it is.',
    })
  if ('suffix' in rule) {
    const wanted = rule.kind === 'encrypted_suffix'
    return ({ path }) => path.some((key) => key.endsWith(rule.suffix)) === wanted
  }
  const matches = await matcher(rule.kind, rule.pattern)
  if (rule.kind === 'unencrypted_regex') return ({ path }) => !path.some(matches)
  if (rule.kind === 'encrypted_regex') return ({ path }) => path.some(matches)
  if (rule.kind === 'unencrypted_comment_regex') return ({ comments }) => !comments.flat().some(matches)
  // The comment that asks for encryption stays readable itself.
  return ({ comments, isComment }) => (isComment ? comments.flat().slice(0, -1) : comments.flat()).some(matches)
}

async function matcher(name: string, pattern: string): Promise<(text: string) => boolean> {
  const { RE2JS } = await import('re2js')
  try {
    const compiled = RE2JS.compile(pattern)
    return (text) => compiled.matcher(text).find()
  } catch (error) {
    throw fault('metadata', `has a rule that cannot be used: ${name} is not a regular expression of RE2`, {
      hint: 'SOPS would take such a rule for one that matches nothing. Correct it in .sops.yaml and encrypt the file again.',
      cause: error,
    })
  }
}
