import * as v from 'valibot'
import { object } from './shape.ts'

const RULE = "must be a rule such as 'leak/aws', or 'leak/*'"
const REASON = 'must say why, in words'
const DIGEST = 'must be the Git object id of the file, or its first 12 or more figures, as `git hash-object FILE` prints it'
const GLOB = "must be a glob such as 'test/fixtures/**'"
const text = (what: string) => v.pipe(v.string(what), v.nonEmpty(what))

const allowance = object({
  /** The rule whose findings are allowed, `leak/aws`; `leak/*` for all of its kind. */
  rule: v.pipe(v.string(RULE), v.regex(/^[a-z]+\/(?:\*|\S+)$/, RULE)),
  /** In which files of the repository. */
  path: text(GLOB),
  /** Why it is no fault. */
  reason: v.pipe(v.string(REASON), v.trim(), v.nonEmpty(REASON)),
  /** Only while the file is exactly this one: its Git object id, or the first twelve or more figures of it. */
  digest: v.optional(v.pipe(v.string(DIGEST), v.regex(/^[0-9a-f]{12,64}$/, DIGEST))),
})

/** What `gitops validate` lets pass. */
export const gate = object({
  /** Findings that are no faults, each with its reason. */
  allow: v.optional(v.array(allowance, 'must be a list')),
  /** The scan for secrets. */
  scan: v.optional(object({ exclude: v.array(text(GLOB), 'must be a list of globs') })),
})
