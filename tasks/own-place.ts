import type { TreeEntry } from '../lib/host/objects.ts'
import type { Config, Target } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isWithin, under, type AbsPath } from '../lib/model/path.ts'

/** Linux takes no longer path; temporary files beside it need room too. */
const LONGEST = 4000

/** Refuses a target that would write where we keep our own records, or paths that are too long for a place. Throws `config` or `hostile`. */
export function refuseOurOwn({ state, sources }: Config, target: Target, root: AbsPath, entries: readonly TreeEntry[]): void {
  const repositories = sources.flatMap((source) => (source.directory === null ? [] : [`${source.directory}/.git`]))
  if (root === '/' || [state, ...repositories].some((own) => isWithin(root, own))) {
    throw new GitopsError('config', `target ${target.name}: ${root} is not a place that can be reconciled into`, {
      hint: `Mend targets.${target.name}.to in the config.`,
    })
  }
  const long = entries.find((entry) => Buffer.byteLength(under(root, entry.path)) > LONGEST)
  if (long !== undefined)
    throw new GitopsError(
      'hostile',
      `the path ${JSON.stringify(`${long.path.slice(0, 200)}…`)} is longer than the ${LONGEST} bytes that a path may have`,
    )
  const ours = entries.find((entry) => isWithin(under(root, entry.path), state))
  if (ours !== undefined) {
    throw new GitopsError('hostile', `${JSON.stringify(ours.path)} in the source would write into our own state, ${state}`, {
      hint: 'Take it out of the source, or exclude it.',
    })
  }
}
