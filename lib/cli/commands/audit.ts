import { Option } from 'commander'
import { readAudit } from '../../host/audit.ts'
import { asked, CHANGE_TYPES, type AuditRecord } from '../../model/audit.ts'
import { GitopsError, printable } from '../../model/errors.ts'
import { duration } from '../../model/schedule.ts'
import { complain, print } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, open } from '../open.ts'
import type { Verb } from '../program.ts'

interface AuditOptions extends ConfigOptions {
  readonly user?: string
  readonly since?: string
  readonly type?: string
  readonly file?: string
  readonly json?: boolean
}

/** `gitops audit`. */
export const auditCommand: Verb<AuditOptions> = {
  name: 'audit',
  summary: 'who changed what, when and from which commit',
  options: [
    new Option('--user <name>', 'only what this user ran'),
    new Option('--since <when>', "a date such as 2026-01-31, or a duration such as '2d'"),
    new Option('--type <type>', 'only changes of this kind').choices(CHANGE_TYPES),
    new Option('--file <text>', 'only records with a path that holds this text'),
    new Option('--json', 'the records as they are in the trail'),
    configOption,
  ],
  async run({ json, since, ...rest }) {
    try {
      const { config } = await open(configFile(rest))
      const { user, type, file } = rest
      const filter = {
        ...(user !== undefined && { user }),
        ...(type !== undefined && { type }),
        ...(file !== undefined && { file }),
        ...(since !== undefined && { since: momentOf(since) }),
      }
      for (const record of readAudit(config.audit)) if (asked(record, filter)) print(json === true ? JSON.stringify(record) : line(record))
      return 0
    } catch (error) {
      return complain(error as Error)
    }
  },
}

/** As the original log was read: time, kind, files; then who and from where. */
function line({ timestamp, change_type, files, user, commit, source }: AuditRecord): string {
  const from = [source, commit.slice(0, 7)].filter((part) => part !== '').join(' ')
  return printable(
    [timestamp, change_type, files, `(${user}${from === '' ? '' : `, ${from}`})`].filter((part) => part !== '').join(' '),
  ).replaceAll('\n', '\\n')
}

function momentOf(text: string): number {
  // A date alone begins at midnight here; the language would take it for midnight in Greenwich.
  const date = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text)
  if (!Number.isNaN(date) && /^\d{4}-/.test(text)) return date
  try {
    return Date.now() - duration(text, Infinity)
  } catch (cause) {
    throw new GitopsError('usage', `--since ${JSON.stringify(text)} is neither a date nor a duration`, {
      hint: "Say 2026-01-31 or '2d'.",
      cause,
    })
  }
}
