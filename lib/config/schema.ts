import * as v from 'valibot'
import type { AlertEvent, CheckContext, NotifierContext, PresetHost, TaskContext } from '../plugins/contract.ts'
import { gate } from './gate.ts'
import { strategy } from './merge-schema.ts'
import { history } from './history.ts'
import { retry, wait, whole } from './retry.ts'
import { document, secret } from './secret-schema.ts'
import { object, record } from './shape.ts'
import { DRIFT, globs, isFunction, onDrift, text, when } from './terms.ts'

const command = text("a shell command such as 'claude --version'")
const body = <Context>() => v.union([command, v.custom<(context: Context) => unknown>(isFunction)], 'must be a shell command or a function')

const ADOPT = "'careful', 'replace', 'refuse' or 'leave'"
// `keep` is an older name of `careful`: beside `onDrift: 'keep'` it said the contrary of what it does.
const adopt = v.picklist(['careful', 'keep', 'replace', 'refuse', 'leave'], `must be ${ADOPT}`)

const MODE = "must be an octal mode such as '0600', or '+x'"

const source = object({
  /** Any Git URL or local path, reached exactly as `git clone` reaches it; `'.'` is the clone that holds this config. */
  repo: text("a Git URL, a local path, or '.' for the repository that holds this config"),
  /** A branch, tag or full commit id. Default: the checked-out branch of the self source, else the remote's HEAD. */
  ref: v.optional(text('a branch, a tag or a full commit id')),
  /** Whether Git checks each fetched object. Default true; old histories with harmless faults need false. */
  fsck: v.optional(v.boolean('must be true or false')),
  /** How long one fetch may take. Default `'2m'`. */
  timeout: v.optional(wait),
})

const target = object({
  /** Which source; may be left out when there is only one. */
  source: v.optional(text('the name of a source')),
  /** A directory in the source; `'.'` is its top. */
  from: text("a directory in the source, such as '.claude'"),
  /** The live directory; `~` is home. */
  to: text("a directory on this machine, such as '~/.claude'"),
  /** Only paths that match one of these globs, relative to `from`. Default: all. */
  include: v.optional(globs),
  /** No path that matches one of these. */
  exclude: v.optional(globs),
  /** Paths that belong to an application: a revision that contains one of them is refused. */
  protect: v.optional(globs),
  /** Full permission bits for paths that match a glob, for example `{ 'bin/*': '0700' }`; `'+x'` makes them executable whatever Git says. */
  modes: v.optional(record(v.pipe(v.string(MODE), v.regex(/^(?:0?[0-7]{3}|\+x)$/, MODE)))),
  /** Documents that an application writes too, by glob: `{ 'settings.json': merge() }` sets the keys of the source and leaves all others. */
  documents: v.optional(record(strategy)),
  /**
   * What becomes of a live file that was there before us and differs. `keep` (default) replaces it and keeps a copy, but refuses a document that
   * has keys which ours lacks; `replace` replaces every one and keeps a copy; `refuse` refuses the revision; `leave` leaves the file, and it is
   * not ours. One for all, or by glob, the last that matches: `{ '*.local.json': 'leave' }`.
   */
  adopt: v.optional(v.union([adopt, record(adopt)], `must be ${ADOPT}, or one of them for each glob`)),
  /**
   * What becomes of a file of ours that somebody has edited, deleted, made (un)executable or replaced by something else. `heal` (default) puts ours
   * back and keeps a copy; `keep` lets it stay; `refuse` refuses to go on until somebody has decided. One for all, or by glob, the last that matches.
   */
  onDrift: v.optional(v.union([onDrift, record(onDrift)], `must be ${DRIFT}, or one of them for each glob`)),
  /** When the target leaves the config: `restore` (default) what was there before us, or `leave` our files. */
  onRemove: v.optional(v.picklist(['restore', 'leave'], "must be 'restore' or 'leave'")),
  /** Left out on hosts where this is false. */
  when: v.optional(when),
})

const check = object({
  name: text('a name'),
  /** A shell command (zx, bash), or a function that throws to fail. */
  run: body<CheckContext>(),
  /** Only for this source. With one source it is implied; with several, a check without one runs last. */
  source: v.optional(text('the name of a source')),
  /** Default `'60s'`. */
  timeout: v.optional(wait),
  /** How often it is tried again after it failed. Default 0. */
  retries: v.optional(whole(0, 'must not be negative')),
  when: v.optional(when),
})

/** What a notifier can hear of. */
export const EVENTS = ['rolled-back', 'refused', 'failed', 'stuck', 'recovered'] as const
const event = v.picklist(EVENTS, `must be one of ${EVENTS.map((name) => `'${name}'`).join(', ')}`)

const notifier = object({
  name: v.optional(text('a name')),
  /** Which changes of state it hears of. Default: all. */
  on: v.optional(v.array(event, 'must be a list of events')),
  /** A shell command, which gets the event as JSON on standard input. */
  run: v.optional(command),
  /** Or a function of the event. */
  send: v.optional(v.custom<(event: AlertEvent, context: NotifierContext) => unknown>(isFunction, 'must be a function')),
  /** Default `'30s'`. */
  timeout: v.optional(wait),
})

const task = object({
  name: text('a name'),
  run: body<TaskContext>(),
  /** Takes `run` back when the reconcile is rolled back. */
  undo: v.optional(body<TaskContext>()),
  source: v.optional(text('the name of a source')),
  /** Default `'60s'`. */
  timeout: v.optional(wait),
  when: v.optional(when),
})

/** The one place where an option of the config is written down. */
export const schema = object({
  /** Names the state directory. Default: the base name of the config's directory. */
  name: v.optional(v.pipe(text('a name'), v.regex(/^[\w][\w.-]*$/, 'must be letters, digits, dots and dashes only'))),
  /** What `~` means, and where our state lives. Default: the user's home. A relative path is below the config's directory. */
  home: v.optional(text('a directory')),
  sources: v.pipe(
    record(source),
    v.check((all) => Object.keys(all).length > 0, "names no source; add one such as { team: { repo: '…' } }"),
  ),
  /** Parts of a config that somebody has written already, such as `claudeCode()`: their targets, secrets, checks, tasks and notifiers are added. */
  presets: v.optional(
    v.array(v.custom<(host: PresetHost) => unknown>(isFunction, 'must be a preset such as claudeCode()'), 'must be a list'),
  ),
  targets: v.optional(record(target)),
  secrets: v.optional(record(secret)),
  /** Single files of a source whose keys are set in a document that an application writes too. */
  documents: v.optional(record(document)),
  checks: v.optional(
    object({
      /** The built-in syntax check of JSON and YAML. Default true; or what it leaves out. */
      syntax: v.optional(v.union([v.boolean(), object({ exclude: globs })], 'must be true, false or { exclude: [globs] }')),
      /** Run on the candidate before anything is written, in `$GITOPS_STAGE`. */
      validate: v.optional(v.array(check, 'must be a list of checks')),
      /** Run after the sync; a failure rolls the source back. */
      smoke: v.optional(v.array(check, 'must be a list of checks')),
    }),
  ),
  tasks: v.optional(
    object({
      /** Run before the first change. */
      before: v.optional(v.array(task, 'must be a list of tasks')),
      /** Run after the last change, before the smoke checks. */
      after: v.optional(v.array(task, 'must be a list of tasks')),
    }),
  ),
  /** A revision that fails its smoke checks, while they pass without it, is tried again. */
  retry: v.optional(retry),
  /** Files with age identities, tried beside those that sops finds. */
  identities: v.optional(v.array(text('a file'), 'must be a list of files')),
  /** Who hears of a rollback, a refusal, a standstill and of the recovery: `{ run: 'command' }`, `webhook({ url })`, `defineNotifier(…)`. */
  notify: v.optional(v.array(notifier, 'must be a list of notifiers')),
  audit: v.optional(
    object({
      /** The file that audit records are appended to. Default: `audit.log` in the state directory. */
      path: text("a file, such as '~/.claude-gitops-audit.log'"),
    }),
  ),
  /** Which generations stay, a source; the last two states, and what was there before us, always do. */
  history: v.optional(history),
  /** What `gitops validate` lets pass: `allow: [{ rule, path, reason }]`, and what it does not search for secrets. */
  gate: v.optional(gate),
  schedule: v.optional(
    object({
      /** Time between two scheduled runs, for example `'60s'`. `GITOPS_CHECK_INTERVAL` overrides it. */
      every: v.optional(wait),
      /** In place of `every`: five fields, or six with seconds first. */
      cron: v.optional(text("a cron expression such as '*/5 * * * *'")),
      /** An IANA zone for `cron`, such as `Europe/Paris`. Default: the machine's. */
      timeZone: v.optional(text("a time zone such as 'Europe/Paris'")),
    }),
  ),
})

/** A configuration as a user writes it. */
export type ConfigInput = v.InferInput<typeof schema>
/** On which hosts a part of the config counts. */
export type When = NonNullable<NonNullable<ConfigInput['targets']>[string]['when']>
