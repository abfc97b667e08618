import { constants } from 'node:os'

const WINDOWS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const
/** Not those of a fault in the process itself, nor SIGPIPE and SIGXFSZ, which Node turns into errors of the call. */
const POSIX = 'INT TERM HUP QUIT TRAP ABRT USR1 USR2 ALRM STKFLT XCPU VTALRM PROF IO PWR SYS'
  .split(' ')
  .map((name) => `SIG${name}` as NodeJS.Signals)

/** The signals that end a process which does not listen to them, as far as one can; SIGUSR1 would open Node's debugger instead. */
export const ENDING_SIGNALS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? WINDOWS : POSIX.filter((signal) => signal in constants.signals)
