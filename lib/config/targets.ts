import type { SecretFile, Target } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { isWithin, relPath, type AbsPath } from '../model/path.ts'
import type { Adopt, OnDrift } from '../model/policy.ts'
import { matcher } from './globs.ts'
import { mergedPaths } from './merging.ts'
import { expand } from './places.ts'
import type { ConfigInput } from './schema.ts'

/** One target of the config, its globs turned into predicates. Throws `config`, naming the place. */
export function targetOf(
  name: string,
  input: NonNullable<ConfigInput['targets']>[string],
  source: string,
  home: AbsPath,
  directory: AbsPath,
): Target {
  const { when: _, source: __, ...declared } = input
  const from = input.from.replace(/^\.\//, '').replace(/\/+$/, '')
  const include = input.include === undefined ? () => true : matcher(`targets.${name}.include`, input.include)
  const exclude = matcher(`targets.${name}.exclude`, input.exclude ?? [])
  const modes = Object.entries(input.modes ?? {}).map(([glob, mode]) => ({
    matches: matcher(`targets.${name}.modes`, [glob]),
    mode: mode === '+x' ? ('+x' as const) : Number.parseInt(mode, 8),
  }))
  return {
    name,
    source,
    from: from === '.' || from === '' ? null : inside(`targets.${name}.from`, from, 'directory'),
    to: expand(`targets.${name}.to`, input.to, home, directory),
    accepts: (path) => include(path) && !exclude(path),
    protects: matcher(`targets.${name}.protect`, input.protect ?? []),
    modeOf: (path) => modes.findLast((rule) => rule.matches(path))?.mode ?? null,
    mergeOf: mergedPaths(`targets.${name}.documents`, input.documents),
    adopt: adoptOf(name, input.adopt),
    onDrift: perPath<OnDrift>(`targets.${name}.onDrift`, input.onDrift, 'heal'),
    onRemove: input.onRemove ?? 'restore',
    declaration: JSON.stringify(declared),
  }
}

/** `keep` is an older name of `careful`. */
function adoptOf(name: string, input: NonNullable<ConfigInput['targets']>[string]['adopt']): (path: string) => Adopt {
  const answer = perPath<Adopt | 'keep'>(`targets.${name}.adopt`, input, 'careful')
  return (path) => {
    const said = answer(path)
    return said === 'keep' ? 'careful' : said
  }
}

/** One answer for every path, or the last one whose glob matches. */
function perPath<Answer extends string>(
  place: string,
  input: Answer | Readonly<Record<string, Answer>> | undefined,
  fallback: Answer,
): (path: string) => Answer {
  if (typeof input !== 'object') return () => input ?? fallback
  const rules = Object.entries(input).map(([glob, answer]) => ({ matches: matcher(place, [glob]), answer }))
  return (path) => rules.findLast((rule) => rule.matches(path))?.answer ?? fallback
}

/** A path inside a source. Throws `config`, naming the place. */
export function inside(place: string, text: string, what: 'directory' | 'file'): ReturnType<typeof relPath> {
  try {
    return relPath(text)
  } catch (cause) {
    throw new GitopsError('config', `${place}: ${JSON.stringify(text)} must be a ${what} in the source, without '..' and not absolute`, {
      cause,
    })
  }
}

/** A live path has one owner: no target lies in another. Throws `config`. */
export function refuseNesting(targets: readonly Target[], secrets: readonly SecretFile[]): void {
  for (const [index, secret] of secrets.entries()) {
    const other = secrets.slice(0, index).find((known) => known.to === secret.to)
    if (other !== undefined)
      throw new GitopsError('config', `${secret.place}.to: ${secret.to} is where ${other.place} goes too; a live path has one owner`)
    const over = targets.find((target) => isWithin(target.to, secret.to))
    if (over !== undefined)
      throw new GitopsError('config', `${secret.place}.to: ${secret.to} is the directory of targets.${over.name}; name the file in it`)
  }
  for (const [index, target] of targets.entries()) {
    for (const other of targets.slice(0, index)) {
      if (isWithin(target.to, other.to) || isWithin(other.to, target.to)) {
        throw new GitopsError(
          'config',
          `targets.${target.name}.to: ${target.to} and ${other.to} of targets.${other.name} are one inside the other; a live path has one owner, so use one target with include and exclude, or separate directories`,
        )
      }
    }
  }
}

/** Our own records are no target. Throws `config`. */
export function refuseState(targets: readonly Target[], state: AbsPath): void {
  for (const { name, to } of targets) {
    if (isWithin(to, state))
      throw new GitopsError('config', `targets.${name}.to: is where the state lies; choose another directory than ${to}`)
  }
}
