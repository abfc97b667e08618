import { checkoutOf, holdsAlready, isElsewhere, putInCheckout, refuseLinked, type Captured, type Checkout } from '../lib/host/checkout.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isWithin, type AbsPath, type RelPath, type Sha } from '../lib/model/path.ts'
import { capturedFiles, targetAt } from './captured-file.ts'
import { capturedSecret, secretAt } from './captured-secret.ts'
import { interrupted, type Run } from './run.ts'

/** How live edits are captured. */
export interface CaptureOptions {
  /** Whether what is gone here is taken out of the source as well. */
  readonly remove: boolean
  /** Whether a path of the work tree is overwritten that has changes of its own, or is not what was applied. */
  readonly force: boolean
}

/** One live path, and what its place in the source is to hold. */
export interface Capture {
  readonly live: AbsPath
  readonly source: string
  /** From the top of the source. */
  readonly path: RelPath
  /** The object that was applied here; null for what was never applied. */
  readonly applied: Sha | null
  /** Null when it is as it was applied. */
  readonly captured: Captured | null
  /** What a person should know of it. */
  readonly note?: string
}

/**
 * Brings live edits back into the work trees of their sources; nothing is committed. All paths are judged before the first is written.
 * Returns a line each. Throws `usage` for what is not ours, `conflict` for what would overwrite somebody's work there.
 */
export async function capture(run: Run, paths: readonly AbsPath[], options: CaptureOptions): Promise<string[]> {
  if (interrupted(run))
    throw new GitopsError('stuck', 'a run was killed half-way, so what is live may be neither old nor new', {
      hint: '`gitops reconcile` undoes that first.',
    })
  const captures = await Promise.all(paths.map((path) => captureAt(run, path, options)))
  const all = [...new Map(captures.flat().map((each) => [`${each.live}\0${each.path}`, each])).values()]
  const checkouts = new Map<string, Checkout>()
  for (const name of new Set(all.map(({ source }) => source))) {
    const source = run.config.sources.find((known) => known.name === name)
    if (source !== undefined) checkouts.set(name, await checkoutOf(run.config, source, run.signal))
  }
  const lines: string[] = []
  for (const [name, checkout] of checkouts)
    lines.push(
      ...(await into(
        run,
        checkout,
        all.filter(({ source }) => source === name),
        options,
      )),
    )
  return lines
}

async function captureAt(run: Run, path: AbsPath, options: CaptureOptions): Promise<readonly Capture[]> {
  const secret = secretAt(run, path)
  if (secret !== null) return capturedSecret(run, secret, options)
  const found = targetAt(run, path)
  if (found === null) {
    const places = [...run.config.targets, ...run.config.secrets].map(({ to }) => to)
    throw new GitopsError('usage', `${path} is neither in a target of the config nor a secret of it`, {
      hint: places.length === 0 ? 'The config declares none.' : `They are: ${places.join(', ')}.`,
    })
  }
  return capturedFiles(run, found, options)
}

async function into(run: Run, checkout: Checkout, all: readonly Capture[], { force }: CaptureOptions): Promise<string[]> {
  const head = await checkout.head(all.map(({ path }) => path))
  const news: { readonly capture: Capture; readonly captured: Captured }[] = []
  const lines: string[] = []
  for (const each of all) {
    const { captured, path, live, note } = each
    refuseLinked(checkout, path)
    if (captured === null) lines.push(`${live}: ${note ?? 'is as it was applied'}`)
    else if (holdsAlready(checkout, path, captured)) lines.push(`${live}: is so in ${checkout.top}/${path} already`)
    else {
      if (!force) refuseOverwriting(checkout, each, head.get(path)?.oid ?? null)
      news.push({ capture: each, captured })
    }
  }
  // What goes makes room for what comes.
  const ordered = news.toSorted((a, b) => Number(b.captured.kind === 'gone') - Number(a.captured.kind === 'gone'))
  for (const { capture, captured } of ordered) {
    putInCheckout(checkout, capture.path, captured, run.host.machine.umask)
    lines.push(`${capture.live}: ${captured.kind === 'gone' ? 'deleted from' : 'captured into'} ${checkout.top}/${capture.path}`)
  }
  return [
    ...lines,
    ...(await after(
      checkout,
      news.map(({ capture }) => capture),
    )),
  ]
}

/** Throws `conflict` where somebody's work would be lost. */
function refuseOverwriting({ top, dirty, source }: Checkout, { path, applied, live }: Capture, oid: Sha | null): void {
  const full = `${top}/${path}`
  if ([...dirty].some((each) => isWithin(each, path)))
    throw new GitopsError('conflict', `${full} has changes that are not committed, and capturing ${live} would overwrite them`, {
      hint: 'Commit them or take them back first; --force overwrites them. Nothing was written.',
    })
  if (oid !== applied)
    throw new GitopsError(
      'conflict',
      `${full} is not what was applied to ${live}: source ${source.name} has ${oid === null ? 'none' : 'another one'} there by now`,
      {
        hint: '`gitops diff` shows the two; --force takes the live one. Nothing was written.',
      },
    )
}

/** What is still to be done, for nothing is committed. */
async function after(checkout: Checkout, news: readonly Capture[]): Promise<string[]> {
  if (news.length === 0) return []
  const { top, source, branch } = checkout
  const ignored = await checkout.ignored(news.map(({ path }) => path))
  return [
    ...ignored.map((path) => `${top}/${path} is ignored by Git: add it with --force.`),
    ...(isElsewhere(checkout)
      ? [`The source ${source.name} reads ${source.ref}, and ${branch ?? 'no branch'} is checked out in ${top}.`]
      : []),
    `Commit it in ${top}; until that is applied, a reconcile goes by what is committed.`,
  ]
}
