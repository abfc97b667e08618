import { GitopsError } from '../../model/errors.ts'
import type { CheckContext, TaskContext } from '../contract.ts'
import type { Places } from './places.ts'

/** Nothing is sent, nothing is updated. */
const QUIET = 'DISABLE_TELEMETRY=1 DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1'

const NOT_INSTALLED = 'claude is not installed'

/** What `claude doctor` complains of, a line each: its exit code is 0 whatever it finds, so its text is read. Pure. */
export function complaintsOf(text: string): string[] {
  const [, block] = /^Invalid settings[ \t]*\n((?:[^\n]*\S[^\n]*(?:\n|$))+)/m.exec(text) ?? []
  return (block ?? '').split('\n').flatMap((line) => (line.startsWith('- ') ? [line.slice(2)] : []))
}

/** An event that this version does not know may be known to a newer one, and is passed over without harm. */
const HARMLESS = /: Unknown hook event /

/** Has Claude Code itself judge the candidate, in a home that is thrown away. Nothing is asked where it is not installed. Throws `check`. */
export async function doctorCandidate(context: CheckContext, target: string): Promise<void> {
  const { $, stage } = context
  if (!(await isInstalled(context))) return context.skip(NOT_INSTALLED)
  const away = `${stage ?? ''}/.claude-doctor`
  const said =
    await $`mkdir -m 700 ${away} ${away}/home ${away}/cwd && cp -R ${`${stage ?? ''}/${target}`} ${away}/config && cd ${away}/cwd &&
    HOME=${away}/home CLAUDE_CONFIG_DIR=${away}/config env ${QUIET.split(' ')} claude doctor`.nothrow()
  await $`rm -rf ${away}`
  judge(context, said, [`${away}/config/`])
}

/** Has Claude Code judge what is live: what it says of it, and whether it can read its own state. Throws `check`. */
export async function doctorLive(context: CheckContext, { directory, account, variable }: Places): Promise<void> {
  const { $ } = context
  if (!(await isInstalled(context))) return context.skip(NOT_INSTALLED)
  // The settings of the directory that it is started in count too.
  const said =
    await $`empty=$(mktemp -d) && cd "$empty" && env ${setting(variable)} ${QUIET.split(' ')} claude doctor || code=$?; rmdir "$empty"; exit "\${code:-0}"`.nothrow()
  judge(context, said, [`${directory}/`, account])
}

/** What it says of our files is an error; what it says of others, such as an organization's managed settings, is not for a revision to mend. */
function judge({ warn }: CheckContext, said: { stdout: string; stderr: string; exitCode: number | null }, ours: readonly string[]): void {
  if (said.exitCode !== 0)
    throw new GitopsError(
      'check',
      `claude doctor ended with exit code ${said.exitCode ?? 'none'}: ${said.stderr.trim().split('\n').slice(-3).join(' ')}`,
    )
  const [prefix = ''] = ours
  const complaints = complaintsOf(said.stdout)
  const errors = complaints.filter((line) => ours.some((path) => line.startsWith(path)) && !HARMLESS.test(line))
  for (const line of complaints) if (!errors.includes(line)) warn(line.replace(prefix, ''))
  if (errors.length > 0)
    throw new GitopsError('check', `claude doctor complains:\n${errors.map((line) => line.replace(prefix, '')).join('\n')}`)
}

/** Waits until no session of Claude Code runs. Throws `locked` when one still does when the time is over, in seconds. */
export async function waitForSessions(context: TaskContext, { variable }: Places, seconds: number): Promise<void> {
  const { $ } = context
  if (!(await isInstalled(context))) return
  for (let waited = 0; ; waited += 2) {
    const { stdout } = await $`env ${setting(variable)} ${QUIET.split(' ')} claude agents --json`
    const running = sessionsIn(stdout)
    if (running === 0) return
    if (waited >= seconds)
      throw new GitopsError('locked', `${running} session${running === 1 ? '' : 's'} of Claude Code still run${running === 1 ? 's' : ''}`, {
        hint: 'Nothing was written; the next run tries again.',
      })
    await $`sleep 2`
  }
}

function sessionsIn(text: string): number {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list.length : 0
  } catch {
    return 0
  }
}

/** Arguments of `env` that make Claude Code look in one place, whatever the variable is outside. */
function setting(variable: string | null): string[] {
  return variable === null ? ['-u', 'CLAUDE_CONFIG_DIR'] : [`CLAUDE_CONFIG_DIR=${variable}`]
}

async function isInstalled({ $ }: TaskContext): Promise<boolean> {
  return (await $`command -v claude`.nothrow()).exitCode === 0
}
