import { readFileSync, readlinkSync } from 'node:fs'
import { homedir, hostname, userInfo } from 'node:os'
import { isAbsolute } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { absPath, type AbsPath } from '../model/path.ts'

/** What identifies this machine and this process's place on it. */
export interface Machine {
  readonly hostname: string
  readonly home: AbsPath
  readonly platform: string
  readonly uid: number
  /** `/etc/machine-id`, or empty where there is none: then any machine counts as the same one. */
  readonly id: string
  /** Changes with each boot; empty where the system does not tell. */
  readonly boot: string
  /** The PID namespace: process ids mean something only inside it. Empty where there are none. */
  readonly namespace: string
  readonly umask: number
  /** Who runs this: `$USER`, else the account's name. */
  readonly user: string
  readonly pid: number
  /** What this process was called as, for others whom it keeps waiting; nothing that was typed behind that. */
  readonly command: string
  /** The working directory; relative paths of a person start there. */
  readonly cwd: AbsPath
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Asks the operating system once. */
export function machine(): Machine {
  return {
    hostname: hostname(),
    home: homeDirectory(),
    platform: process.platform,
    uid: process.getuid?.() ?? 0,
    id: text('/etc/machine-id'),
    boot: text('/proc/sys/kernel/random/boot_id'),
    namespace: link('/proc/self/ns/pid'),
    umask: process.umask(),
    user: process.env['USER'] || process.env['LOGNAME'] || accountName(),
    pid: process.pid,
    command: 'gitops in another program',
    cwd: workingDirectory(),
    env: process.env,
  }
}

/** Containers run as users that have no name. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? '')
  }
}

function homeDirectory(): AbsPath {
  const home = homedir()
  if (!isAbsolute(home))
    throw new GitopsError('usage', `HOME is ${home === '' ? 'empty' : JSON.stringify(home)}, not a directory's full path`, {
      hint: 'Set HOME to your home directory, or leave it unset.',
    })
  return absPath(home)
}

function workingDirectory(): AbsPath {
  try {
    return absPath(process.cwd())
  } catch (cause) {
    throw new GitopsError('usage', 'the working directory no longer exists', { hint: 'Change to one that does.', cause })
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
