import type { ConfigPart, UserPreset } from '../config/define.ts'
import type { CheckContext, TaskContext } from './contract.ts'
import { placesOf, RUNTIME, STATE } from './claude-code/places.ts'

/** What a team's configuration of Claude Code is, and where. */
export interface ClaudeCodeOptions {
  /** Which source; may be left out when there is only one. */
  readonly source?: string
  /** The directory in the source that becomes Claude Code's own. Default: `.claude`. The keys of a `claude.json` in it, such as `mcpServers`, go to `~/.claude.json`. */
  readonly from?: string
  /** An encrypted file in the source with more keys for `~/.claude.json`, such as `mcpServers` with tokens. Default: none. */
  readonly account?: string
  /** Claude Code's directory. Default: as Claude Code finds it, by `CLAUDE_CONFIG_DIR`, else `~/.claude`. */
  readonly directory?: string
  /** No path that matches one of these globs. `settings.local.json`, which Claude Code does not read here, is always left out. */
  readonly exclude?: readonly string[]
  /** Scripts, as paths below the directory, that settings name and that are this machine's own: they need not be in the source. */
  readonly local?: readonly string[]
  /** Whether `claude doctor` is asked, where `claude` is installed. Default: true. */
  readonly doctor?: boolean
  /** Seconds to wait until no session of Claude Code runs before anything is written. Default: none is waited for. */
  readonly waitForSessions?: number
  /** The name of the target; the keys for `~/.claude.json` are called `account`. Default: `claude`. */
  readonly name?: string
}

const LISTS = {
  '/permissions/allow': 'set' as const,
  '/permissions/ask': 'set' as const,
  '/permissions/deny': 'set' as const,
  '/permissions/additionalDirectories': 'set' as const,
  // The hooks of an event, of whoever wrote them.
  '/hooks/*': 'set' as const,
}
const SCRIPTS = '{sh,bash,zsh,fish,py,rb,pl,js,mjs,cjs,ts}'

/** A preset for a team's configuration of Claude Code: where it goes, what is never touched, how it is shared with Claude Code, and what tells that it works. */
export function claudeCode(options: ClaudeCodeOptions = {}): UserPreset {
  const { from = '.claude', account, exclude = [], local = [], doctor = true, waitForSessions: wait, name = 'claude' } = options
  const source = options.source === undefined ? {} : { source: options.source }
  return (host): ConfigPart => {
    const places = placesOf(host, options.directory)
    const judged = { local, from: from.replace(/\/+$/, '') }
    const target = {
      ...source,
      from,
      to: places.directory,
      exclude: ['settings.local.json', ...exclude],
      protect: [...RUNTIME],
      // Claude Code writes its settings too, in its own order of keys; lists of rules and hooks are ours and the user's together.
      documents: { 'settings.json': { merge: { format: 'json' as const, lists: LISTS, lock: 'proper-lockfile' as const } } },
      modes: { [`hooks/**/*.${SCRIPTS}`]: '+x', [`*.${SCRIPTS}`]: '+x' },
    }
    const validate = [
      {
        ...source,
        name: 'Claude Code configuration',
        run: async (context: CheckContext) => (await import('./claude-code/judge.ts')).judgeCandidate(context, name, places, judged),
      },
      {
        ...source,
        name: 'claude doctor',
        when: doctor,
        run: async (context: CheckContext) => (await import('./claude-code/doctor.ts')).doctorCandidate(context, name),
      },
    ]
    const smoke = [
      {
        ...source,
        name: 'Claude Code finds its files',
        run: async (context: CheckContext) => (await import('./claude-code/judge.ts')).judgeLive(context, places, judged),
      },
      {
        ...source,
        name: 'claude doctor',
        when: doctor,
        run: async (context: CheckContext) => (await import('./claude-code/doctor.ts')).doctorLive(context, places),
      },
    ]
    const before = {
      ...source,
      name: 'no session of Claude Code runs',
      timeout: `${(wait ?? 0) + 60}s`,
      when: wait !== undefined,
      run: async (context: TaskContext) => (await import('./claude-code/doctor.ts')).waitForSessions(context, places, wait ?? 0),
    }
    return {
      targets: { [name]: target },
      documents: {
        account: {
          ...source,
          from: `${judged.from === '.' ? '' : `${judged.from}/`}claude.json`,
          to: places.account,
          strategy: { merge: { format: 'json' as const, lock: 'proper-lockfile' as const } },
          protect: [...STATE],
          optional: true,
        },
      },
      ...(account !== undefined && {
        secrets: {
          account: {
            ...source,
            from: account,
            to: places.account,
            strategy: { merge: { format: 'json' as const, lock: 'proper-lockfile' as const } },
          },
        },
      }),
      checks: { validate, smoke },
      tasks: { before: [before] },
    }
  }
}
