import * as v from 'valibot'
import { strategy } from './merge-schema.ts'
import { object } from './shape.ts'
import { onDrift, text, when } from './terms.ts'

/** An encrypted file, and where its plaintext goes. */
export const secret = object({
  /** Which source; may be left out when there is only one. */
  source: v.optional(text('the name of a source')),
  /** The encrypted file in the source: SOPS in any of its formats, to age recipients. */
  from: text("a file in the source, such as '.claude/.claude.json.enc'"),
  /** Where its plaintext goes, mode 0600; `~` is home. */
  to: text("a file on this machine, such as '~/.claude.json'"),
  /** `replace` (default): the whole file is ours. `merge`: only the keys that the source sets; the rest is the application's. */
  strategy: v.optional(strategy),
  /** The lock by which the application guards this document; we take it while we edit. `proper-lockfile`: the directory `<file>.lock`. */
  lock: v.optional(v.picklist(['proper-lockfile'], "must be 'proper-lockfile'")),
  /** `careful` (default) refuses to replace a file that is there already and differs; `replace` replaces it and keeps a sealed copy. */
  adopt: v.optional(v.picklist(['careful', 'keep', 'replace'], "must be 'careful' or 'replace'")),
  /** What becomes of it when somebody has changed it: `heal` (default) puts ours back and keeps a sealed copy; `keep` lets it stay; `refuse` refuses to go on. */
  onDrift: v.optional(onDrift),
  /** When the secret leaves the config: `restore` (default) what was there before us, or `leave` it. */
  onRemove: v.optional(v.picklist(['restore', 'leave'], "must be 'restore' or 'leave'")),
  when: v.optional(when),
})

/** A file whose keys are set in a live document. */
export const document = object({
  /** Which source; may be left out when there is only one. */
  source: v.optional(text('the name of a source')),
  /** The file in the source, not encrypted. Its keys are ours in the live document, and no others. */
  from: text("a file in the source, such as '.claude/claude.json'"),
  /** The live document; `~` is home. A secret with `strategy: 'merge'` may go to the same one: each sets keys of its own. */
  to: text("a file on this machine, such as '~/.claude.json'"),
  /** How it is merged. Default: `merge()`. */
  strategy: v.optional(
    v.pipe(
      strategy,
      v.check((value) => value !== 'replace', "must be 'merge' or merge({ … }); a file that is ours as a whole is one of a target"),
    ),
  ),
  /** Keys that belong to the application, by JSON pointer: a source that sets one of them is refused. */
  protect: v.optional(
    v.array(
      v.pipe(text('a JSON pointer'), v.startsWith('/', "must be a JSON pointer such as '/projects'")),
      'must be a list of JSON pointers',
    ),
  ),
  /** Whether the source may be without the file; then none of its keys are wanted. Default: false. */
  optional: v.optional(v.boolean('must be true or false')),
  /** What becomes of keys of ours that somebody has changed: `heal` (default) puts ours back, `keep` lets them stay, `refuse` refuses to go on. */
  onDrift: v.optional(onDrift),
  /** When it leaves the config: `restore` (default) takes our keys out and puts back what they replaced, or `leave` them. */
  onRemove: v.optional(v.picklist(['restore', 'leave'], "must be 'restore' or 'leave'")),
  /** Left out on hosts where this is false. */
  when: v.optional(when),
})
